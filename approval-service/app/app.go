// Package app is approval-service without its process: what its topic brings.
package app

import (
	"context"
	_ "embed"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/approval-service/approval"
	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

// Name is the service's app id.
const Name = "approval-service"

//go:embed openapi.yaml
var openAPI []byte

// Settings are the service's own.
type Settings struct {
	// Rule decides, and Delay is how long that takes.
	Rule  approval.Rule
	Delay time.Duration
}

// Build ties the parts together.
func (s Settings) Build(base service.Base) service.Options {
	a := &approver{rule: s.Rule, delay: s.Delay, broker: base.Broker, counts: countApprovals(base.Registry), logger: base.Logger}
	// There is no state to probe: what fails here is the broker, or the event.
	probe := func(context.Context) error { return nil }
	requests := service.NewConsumer(base, Name, probe, a.handle, a.abandon)
	return service.Options{
		OpenAPI: openAPI,
		Events: func(router *mux.Router) {
			sidecar.Routes(router, base.Settings.AppToken, map[string]sidecar.Consumer{
				string(messages.UserApproveTopic): requests.Consume,
			})
		},
		Ready: service.NewReadiness(base.Logger,
			service.SidecarPart(base.Status, []string{service.PubSub}, []messages.Topic{messages.UserApproveTopic})),
	}
}

func countApprovals(registry prometheus.Registerer) *prometheus.CounterVec {
	approvals := promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Namespace: service.MetricsNamespace, Name: "approvals_total",
		Help: "Verdicts by result: approved, denied or failed.",
	}, []string{"result"})
	// From zero, so that the first one is an increase.
	for _, result := range []string{resultApproved, resultDenied, resultFailed} {
		approvals.WithLabelValues(result)
	}
	return approvals
}
