package service

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"registration.example/messages"
)

// MetricsNamespace begins the name of each metric of the services.
const MetricsNamespace = "registration"

// BatchBuckets suit counts of things in a batch.
var BatchBuckets = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500}

// NewRegistry makes a registry that knows the Go runtime and the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// Outcomes of an event, as the label of events_handled_total.
const (
	outcomeProcessed    = "processed"
	outcomeRetried      = "retried"
	outcomeDeadLettered = "dead-lettered"
)

// EventMetrics counts what consumers do.
type EventMetrics struct {
	handled      *prometheus.CounterVec
	batches      *prometheus.HistogramVec
	deadLetters  *prometheus.CounterVec
	redeliveries *prometheus.CounterVec
}

// NewEventMetrics registers the metrics of consumers.
func NewEventMetrics(registry prometheus.Registerer) *EventMetrics {
	factory := promauto.With(registry)
	return &EventMetrics{
		handled: factory.NewCounterVec(prometheus.CounterOpts{
			Namespace: MetricsNamespace, Name: "events_handled_total",
			Help: "Events that were handled, by topic and outcome: processed, retried or dead-lettered.",
		}, []string{"topic", "outcome"}),
		batches: factory.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: MetricsNamespace, Name: "event_batch_size", Buckets: BatchBuckets,
			Help: "Events in one delivery of the sidecar, by topic.",
		}, []string{"topic"}),
		deadLetters: factory.NewCounterVec(prometheus.CounterOpts{
			Namespace: MetricsNamespace, Name: "dead_letters_total",
			Help: "Records that were put on the dead-letter topic of this topic.",
		}, []string{"topic"}),
		redeliveries: factory.NewCounterVec(prometheus.CounterOpts{
			Namespace: MetricsNamespace, Name: "redeliveries_total",
			Help: "Events whose effect was found to be stored already, by topic.",
		}, []string{"topic"}),
	}
}

// begin starts the counts of a topic at zero. A series that appears with its
// first event hides this one: what Prometheus sees is no increase.
func (m *EventMetrics) begin(topic messages.Topic) {
	for _, outcome := range []string{outcomeProcessed, outcomeRetried, outcomeDeadLettered} {
		m.handled.WithLabelValues(string(topic), outcome)
	}
	m.batches.WithLabelValues(string(topic))
	m.deadLetters.WithLabelValues(string(topic))
	m.redeliveries.WithLabelValues(string(topic))
}

// Redelivered counts events whose effect was stored already.
func (m *EventMetrics) Redelivered(topic messages.Topic, n int) {
	if n > 0 {
		m.redeliveries.WithLabelValues(string(topic)).Add(float64(n))
	}
}

// CountProblems registers the count of what clients were refused, and starts it
// at zero for the problems that are not the client's: those of Handle, and others.
func CountProblems(registry prometheus.Registerer, others ...string) *prometheus.CounterVec {
	problems := promauto.With(registry).NewCounterVec(prometheus.CounterOpts{
		Namespace: MetricsNamespace, Name: "problems_total",
		Help: "Requests that were answered with a problem, by its code.",
	}, []string{"code"})
	for _, code := range append(others, codeUnavailable, codeInternal) {
		problems.WithLabelValues(code)
	}
	return problems
}
