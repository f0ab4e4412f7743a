// Command operation-service turns REST calls into operations and events, and
// ends an operation when its saga has ended.
package main

import (
	"context"
	_ "embed"
	"os"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

const (
	serviceName = "operation-service"
	about       = "operation-service turns REST calls into operations and events, and ends an operation when its saga has ended."
)

//go:embed openapi.yaml
var openAPI []byte

func main() {
	os.Exit(service.Program{Name: serviceName, About: about, Port: 8080, Configure: configure}.Main())
}

func configure(e *service.Environment) func(service.Base) service.Options {
	deadline := e.Duration("OPERATION_DEADLINE", 24*time.Hour, "how long after its request an operation may end; later it fails")
	batch := e.Int("ACCEPT_BATCH", 200, 1, 1000, "most requests that are stored and published together; 1 for each alone")
	workers := e.Int("ACCEPT_WORKERS", 2, 1, 1000, "batches of requests in flight")
	queue := e.Int("ACCEPT_QUEUE", 2000, 1, 1_000_000, "requests that may wait; more are answered 503")
	return func(base service.Base) service.Options {
		records := base.Sidecar.Store(service.StateStore)
		accept := &acceptor{
			store: store{records}, broker: base.Sidecar, metrics: newMetrics(base.Registry), logger: base.Logger,
			batch: batch, waiting: make(chan *request, queue),
		}
		return build(base, accept, records, deadline, workers)
	}
}

// build ties the parts together.
func build(base service.Base, accept *acceptor, records sidecar.State, deadline time.Duration, workers int) service.Options {
	probe := service.Probe(records, base.Replica)
	waiters := newWaiters()
	end := &ender{store: accept.store, waiters: waiters, metrics: accept.metrics, events: base.Events, logger: base.Logger}
	clients := &rest{accept: accept, store: accept.store, waiters: waiters, logger: base.Logger, deadline: deadline}
	responses := &service.Consumer[messages.UserCreateResponse]{
		Handle: end.handle, Abandon: end.abandon, Probe: probe, Attempts: base.Settings.Attempts,
		Service: serviceName, Broker: accept.broker, Metrics: base.Events, Logger: base.Logger,
	}
	background := make([]func(context.Context), workers)
	for i := range background {
		background[i] = accept.work
	}
	return service.Options{
		OpenAPI: openAPI,
		Routes:  clients.routes,
		Events: func(router *mux.Router) {
			sidecar.Routes(router, base.Settings.AppToken, map[string]sidecar.Consumer{
				string(messages.UserCreateResponseTopic): responses.Consume,
			})
		},
		Ready: service.NewReadiness(base.Logger,
			service.SidecarPart(base.Sidecar, []string{service.PubSub, service.StateStore}, []messages.Topic{messages.UserCreateResponseTopic}),
			service.StatePart(probe)),
		Background: background,
	}
}

type metrics struct {
	operations  *prometheus.CounterVec
	duration    prometheus.Histogram
	acceptBatch prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) *metrics {
	factory := promauto.With(registry)
	return &metrics{
		operations: factory.NewCounterVec(prometheus.CounterOpts{
			Namespace: service.MetricsNamespace, Name: "operations_total",
			Help: "Operations that reached a state, by type and state.",
		}, []string{"type", "state"}),
		duration: factory.NewHistogram(prometheus.HistogramOpts{
			Namespace: service.MetricsNamespace, Name: "saga_duration_seconds",
			Help:    "Time from an operation's acceptance to its end.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}),
		acceptBatch: factory.NewHistogram(prometheus.HistogramOpts{
			Namespace: service.MetricsNamespace, Name: "accept_batch_size",
			Help: "Requests that were stored and published together.", Buckets: service.BatchBuckets,
		}),
	}
}
