// Command user-service orchestrates the saga that makes a user.
package main

import (
	_ "embed"
	"os"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

const (
	serviceName = "user-service"
	about       = "user-service orchestrates the saga that makes a user: it stores the user, asks for approval, and reports the verdict."
)

//go:embed openapi.yaml
var openAPI []byte

func main() {
	os.Exit(service.Program{Name: serviceName, About: about, Port: 8081, Configure: configure}.Main())
}

func configure(*service.Environment) func(service.Base) service.Options {
	return func(base service.Base) service.Options {
		return build(base, base.Sidecar, base.Sidecar.Store(service.StateStore))
	}
}

// build ties the parts together.
func build(base service.Base, broker sidecar.Publisher, records sidecar.State) service.Options {
	probe := service.Probe(records, base.Replica)
	s := &saga{store: store{records}, broker: broker, users: countUsers(base.Registry), metrics: base.Events, logger: base.Logger}
	creates := &service.Consumer[messages.UserCreate]{
		Handle: s.create, Abandon: s.abandonCreate, Probe: probe, Attempts: base.Settings.Attempts,
		Service: serviceName, Broker: broker, Metrics: base.Events, Logger: base.Logger,
	}
	verdicts := &service.Consumer[messages.UserApproveResponse]{
		Handle: s.decide, Abandon: s.abandonDecide, Probe: probe, Attempts: base.Settings.Attempts,
		Service: serviceName, Broker: broker, Metrics: base.Events, Logger: base.Logger,
	}
	return service.Options{
		OpenAPI: openAPI,
		Routes:  (&rest{store: s.store, logger: base.Logger}).routes,
		Events: func(router *mux.Router) {
			sidecar.Routes(router, base.Settings.AppToken, map[string]sidecar.Consumer{
				string(messages.UserCreateTopic):          creates.Consume,
				string(messages.UserApproveResponseTopic): verdicts.Consume,
			})
		},
		Ready: service.NewReadiness(base.Logger,
			service.SidecarPart(base.Sidecar, []string{service.PubSub, service.PubSubResponses, service.StateStore},
				[]messages.Topic{messages.UserCreateTopic, messages.UserApproveResponseTopic}),
			service.StatePart(probe)),
	}
}

func countUsers(registry prometheus.Registerer) *prometheus.CounterVec {
	return promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Namespace: service.MetricsNamespace, Name: "users_total",
		Help: "Users that reached a state: pending-approval, approved or not-approved.",
	}, []string{"state"})
}
