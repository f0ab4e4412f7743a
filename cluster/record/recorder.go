package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"registration.example/cluster/kube"
)

// interval is how often a sample is taken.
const interval = time.Second

// Options say what is recorded.
type Options struct {
	Client *kube.Client
	Admin  *kadm.Client
	// Watched are topics and group.
	Watched Watched
	// Namespace and App, a label of the pods, name what is scaled; Autoscaler is
	// its HorizontalPodAutoscaler.
	Namespace, App, Autoscaler string
	// OneNamespace looks at no pods but those of Namespace: for several
	// recorders at once.
	OneNamespace bool
	// Offered is the rate of the load at a time after its begin.
	Offered func(time.Duration) float64
	// Out gets a line every ten samples, and what went wrong.
	Out io.Writer
}

// podsOf is the namespace whose pods are looked at, "" for all.
func (o Options) podsOf() string {
	if o.OneNamespace {
		return o.Namespace
	}
	return ""
}

// Recorder takes samples.
type Recorder struct {
	o Options

	mu      sync.Mutex
	samples []Sample
}

// New makes a recorder; Run starts it.
func New(o Options) *Recorder { return &Recorder{o: o} }

// Run takes samples until ctx ends. The load begins at start.
func (r *Recorder) Run(ctx context.Context, start time.Time) {
	var last Kafka
	var before time.Time
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := 0; ; n++ {
		now := time.Now()
		sample, seen, err := r.take(ctx, now.Sub(start), last, now.Sub(before))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			_, _ = fmt.Fprintf(r.o.Out, "no sample at %.0f s: %v\n", now.Sub(start).Seconds(), err)
		default:
			if last.Written != nil {
				r.add(sample)
			}
			last, before = seen, now
		}
		if n%10 == 0 && last.Written != nil {
			_, _ = fmt.Fprintf(r.o.Out, "%5.0f s  offered %4.0f/s  events %5.0f/s  lag %5d  pods %3d wanted, %3d ready, %3d consume  nodes %2d\n",
				sample.Seconds, sample.Offered, sample.Events, sample.Lag, sample.Wanted, sample.Ready, sample.Members, sample.Nodes)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (r *Recorder) add(s Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
}

// Samples are those taken so far.
func (r *Recorder) Samples() []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.samples)
}

// take looks at everything once.
func (r *Recorder) take(ctx context.Context, at time.Duration, last Kafka, since time.Duration) (Sample, Kafka, error) {
	seen, err := LookAtKafka(ctx, r.o.Admin, r.o.Watched)
	if err != nil {
		return Sample{}, seen, err
	}
	s := Sample{
		Seconds: at.Seconds(), Offered: r.o.Offered(at),
		Produced: rate(seen.Written[r.o.Watched.Scaled]-last.Written[r.o.Watched.Scaled], since),
		Consumed: rate(seen.Committed-last.Committed, since),
		Lag:      seen.Lag(r.o.Watched), Members: seen.Members,
	}
	for topic, written := range seen.Written {
		s.Events += rate(written-last.Written[topic], since)
	}
	return s, seen, r.lookAtPods(ctx, &s)
}

func rate(records int64, since time.Duration) float64 { return float64(records) / since.Seconds() }

func (r *Recorder) lookAtPods(ctx context.Context, s *Sample) error {
	pods, err := r.o.Client.Pods(ctx, r.o.podsOf(), "")
	if err != nil {
		return err
	}
	s.AllPods = len(pods)
	for _, pod := range pods {
		if pod.Unschedulable() {
			s.Pending++
		}
		if pod.Metadata.Namespace != r.o.Namespace || pod.Metadata.Labels["app"] != r.o.App {
			continue
		}
		if pod.Metadata.DeletionTimestamp == nil {
			s.Pods++
		}
		if pod.Ready() {
			s.Ready++
		}
	}
	if s.Nodes, err = r.o.Client.Nodes(ctx); err != nil {
		return err
	}
	// KEDA makes the autoscaler a moment after its ScaledObject.
	replicas, err := r.o.Client.Autoscaler(ctx, r.o.Namespace, r.o.Autoscaler)
	if errors.Is(err, kube.ErrNotFound) {
		return nil
	}
	s.Wanted = replicas.Desired
	return err
}
