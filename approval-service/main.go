// Command approval-service decides on users. It is stateless, and slow on
// purpose: scaling it is what the system shows.
package main

import (
	"context"
	_ "embed"
	"os"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/approval-service/approval"
	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

const (
	serviceName = "approval-service"
	about       = "approval-service decides on users, one at a time and slowly on purpose. It keeps nothing."
)

//go:embed openapi.yaml
var openAPI []byte

func main() {
	os.Exit(service.Program{Name: serviceName, About: about, Port: 8082, Configure: configure}.Main())
}

func configure(e *service.Environment) func(service.Base) service.Options {
	delay := e.Duration("APPROVAL_DELAY", 200*time.Millisecond, "how long one verdict takes")
	deny := e.String("APPROVAL_DENY", "(?i)^deny", "regular expression (RE2) of the names that are denied")
	rule, err := approval.NewRule(deny)
	if err != nil {
		e.Reject("APPROVAL_DENY", deny, err)
	}
	return func(base service.Base) service.Options {
		return build(base, &approver{
			rule: rule, delay: delay, broker: base.Sidecar, counts: countApprovals(base.Registry), logger: base.Logger,
		})
	}
}

// build ties the parts together.
func build(base service.Base, a *approver) service.Options {
	requests := &service.Consumer[messages.UserApprove]{
		Handle: a.handle, Abandon: a.abandon, Attempts: base.Settings.Attempts,
		// There is no state to probe: what fails here is the broker, or the event.
		Probe:   func(context.Context) error { return nil },
		Service: serviceName, Broker: a.broker, Metrics: base.Events, Logger: base.Logger,
	}
	return service.Options{
		OpenAPI: openAPI,
		Events: func(router *mux.Router) {
			sidecar.Routes(router, base.Settings.AppToken, map[string]sidecar.Consumer{
				string(messages.UserApproveTopic): requests.Consume,
			})
		},
		Ready: service.NewReadiness(base.Logger,
			service.SidecarPart(base.Sidecar, []string{service.PubSub}, []messages.Topic{messages.UserApproveTopic})),
	}
}

func countApprovals(registry prometheus.Registerer) *prometheus.CounterVec {
	return promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Namespace: service.MetricsNamespace, Name: "approvals_total",
		Help: "Verdicts by result: approved, denied or failed.",
	}, []string{"result"})
}
