// Package app is operation-service without its process: what clients see
// (rest.go), what topics bring (events.go) and what is kept (store.go).
package app

import (
	"context"
	_ "embed"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
)

// Name is the service's app id.
const Name = "operation-service"

//go:embed openapi.yaml
var openAPI []byte

// Settings are the service's own.
type Settings struct {
	// Deadline is how long after its request an operation may end.
	Deadline time.Duration
	// Batch is the most requests that share a call to the sidecar, Workers how
	// many batches are in flight, Queue how many requests may wait.
	Batch, Workers, Queue int
}

// Build ties the parts together.
func (s Settings) Build(base service.Base) service.Options {
	counts := newMetrics(base.Registry)
	kept := store{base.State}
	accept := &acceptor{store: kept, broker: base.Broker, metrics: counts, logger: base.Logger}
	read := &reader{store: kept}
	accepts := service.NewGatherer(s.Batch, s.Queue, accept.handle)
	reads := service.NewGatherer(s.Batch, s.Queue, read.handle)
	waiters := newWaiters()
	probe := service.Probe(base.State, base.Replica)
	clients := &rest{accepts: accepts, reads: reads, waiters: waiters, logger: base.Logger, problems: service.CountProblems(base.Registry, codeOverloaded), deadline: s.Deadline}
	end := &ender{store: kept, waiters: waiters, metrics: counts, events: base.Events, logger: base.Logger}
	responses := service.NewConsumer(base, Name, probe, end.handle, end.abandon)

	background := make([]func(context.Context), 0, 2*s.Workers)
	for range s.Workers {
		background = append(background, accepts.Work, reads.Work)
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
			service.SidecarPart(base.Status, []string{service.PubSub, service.StateStore}, []messages.Topic{messages.UserCreateResponseTopic}),
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
	m := &metrics{
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
	// From zero, so that the first one is an increase.
	for _, state := range []operation.State{operation.Pending, operation.Completed, operation.Failed} {
		m.operations.WithLabelValues(operation.UserCreate, string(state))
	}
	return m
}
