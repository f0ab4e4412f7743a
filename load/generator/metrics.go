package generator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"registration.example/load/ledger"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveMetrics serves /metrics and /healthz until the returned function is
// called.
func serveMetrics(o Options, r *run) (stop func(), err error) {
	if o.MetricsAddr == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(newCollector(r.ledger)); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.options.Log.Error("metrics are no longer served", "error", err)
		}
	}()
	return func() { _ = server.Close() }, nil
}

// bounds are the upper bounds of the latency histograms.
var bounds = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

// collector turns the ledger into metrics when it is asked: what is counted
// once need not be counted again on the hot path.
type collector struct {
	ledger                                       *ledger.Ledger
	attempted, accepted, ended, refused, faults  *prometheus.Desc
	pending, acceptance, saga, late, repeatCount *prometheus.Desc
}

func newCollector(l *ledger.Ledger) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("load_"+name, help, labels, nil)
	}
	return &collector{
		ledger:      l,
		attempted:   d("operations_attempted_total", "Operations that a first request was sent for."),
		accepted:    d("operations_accepted_total", "Operations that were answered with 202."),
		ended:       d("operations_ended_total", "Accepted operations that were seen to have ended, by state.", "state"),
		refused:     d("answers_refused_total", "Requests to create an operation that brought no 202, by outcome.", "outcome"),
		repeatCount: d("requests_repeated_total", "Requests that were sent again with their Idempotency-Key."),
		faults:      d("faults_total", "Operations that were doubled, ended otherwise than demanded, or changed after their end, by kind.", "kind"),
		pending:     d("operations_pending", "Accepted operations that have not ended."),
		acceptance:  d("acceptance_seconds", "Time from when a request was due to its 202."),
		saga:        d("saga_seconds", "Time from when a sampled request was due to its operation's end."),
		late:        d("sent_late_seconds", "Time from when a request was due to when it left."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, out) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	n := c.ledger.Counts()
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	count(c.attempted, n.Attempted)
	count(c.accepted, n.Accepted)
	count(c.ended, n.Completed, "completed")
	count(c.ended, n.Failed, "failed")
	count(c.refused, n.Busy, "rejected")
	count(c.refused, n.Refused, "error")
	count(c.refused, n.Timeouts, "timeout")
	count(c.refused, n.NoConnection, "connection")
	count(c.repeatCount, n.Repeats)
	count(c.faults, n.Duplicated, "duplicated")
	count(c.faults, n.Unexpected, "unexpected")
	count(c.faults, n.Regressed, "regressed")
	out <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, float64(n.Pending()))
	l := c.ledger.Latencies()
	out <- histogram(c.acceptance, &l.Accept)
	out <- histogram(c.saga, &l.Saga)
	out <- histogram(c.late, &l.Late)
}

func histogram(d *prometheus.Desc, h *ledger.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(bounds))
	for _, b := range bounds {
		buckets[b.Seconds()] = uint64(h.CountUpTo(b))
	}
	return prometheus.MustNewConstHistogram(d, uint64(h.Count()), h.Sum().Seconds(), buckets)
}
