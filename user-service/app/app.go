// Package app is user-service without its process: what clients see (rest.go),
// what topics bring (events.go) and what is kept (store.go).
package app

import (
	_ "embed"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/user-service/user"
)

// Name is the service's app id.
const Name = "user-service"

//go:embed openapi.yaml
var openAPI []byte

// Build ties the parts together.
func Build(base service.Base) service.Options {
	probe := service.Probe(base.State, base.Replica)
	s := &saga{store: store{base.State}, broker: base.Broker, users: countUsers(base.Registry), metrics: base.Events, logger: base.Logger}
	creates := service.NewConsumer(base, Name, probe, s.create, s.abandonCreate)
	verdicts := service.NewConsumer(base, Name, probe, s.decide, s.abandonDecide)
	return service.Options{
		OpenAPI: openAPI,
		Routes:  (&rest{store: s.store, logger: base.Logger, problems: service.CountProblems(base.Registry)}).routes,
		Events: func(router *mux.Router) {
			sidecar.Routes(router, base.Settings.AppToken, map[string]sidecar.Consumer{
				string(messages.UserCreateTopic):          creates.Consume,
				string(messages.UserApproveResponseTopic): verdicts.Consume,
			})
		},
		Ready: service.NewReadiness(base.Logger,
			service.SidecarPart(base.Status, []string{service.PubSub, service.PubSubResponses, service.StateStore},
				[]messages.Topic{messages.UserCreateTopic, messages.UserApproveResponseTopic}),
			service.StatePart(probe)),
	}
}

func countUsers(registry prometheus.Registerer) *prometheus.CounterVec {
	users := promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Namespace: service.MetricsNamespace, Name: "users_total",
		Help: "Users that reached a state: pending-approval, approved or not-approved.",
	}, []string{"state"})
	// From zero, so that the first one is an increase.
	for _, state := range []user.State{user.PendingApproval, user.Approved, user.NotApproved} {
		users.WithLabelValues(string(state))
	}
	return users
}
