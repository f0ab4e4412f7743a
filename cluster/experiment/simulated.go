package experiment

import (
	"context"
	"io"
	"sync"
	"time"

	"registration.example/cluster/consumers"
	"registration.example/cluster/record"
)

// delay is how long one verdict takes.
const delay = time.Second / perPod

// trial is one scaled Deployment whose pods are simulated consumers, with a
// topic and a group of its own.
type trial struct {
	namespace, topic, group string
	bounds                  Bounds
	recorder                *record.Recorder
	// over says what has to have happened before the record ends, beside the
	// least number of pods and no lag; nil: nothing.
	over func([]record.Sample) bool
	// patience is how long after the load that is waited for.
	patience time.Duration
}

// newTrial makes a trial; whole makes its recorder look at the whole cluster.
func (s *setting) newTrial(namespace, topic, group string, b Bounds, whole bool, out io.Writer) *trial {
	return &trial{namespace: namespace, topic: topic, group: group, bounds: b, patience: backLimit, recorder: record.New(record.Options{
		Client: s.plane.Client(), Admin: s.admin,
		Watched:   record.Watched{Topics: []string{topic}, Scaled: topic, Group: group},
		Namespace: namespace, App: service, Autoscaler: service, OneNamespace: !whole,
		Offered: b.Profile.At, Out: out,
	})}
}

// run does the experiment with simulated consumers, and waits for its end.
func (s *setting) run(ctx context.Context, t *trial) error {
	ctx, stop := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer stop()
	members := consumers.New(consumers.Options{
		Client: s.plane.Client(), Namespace: t.namespace, Selector: selector,
		Broker: s.broker, Topic: t.topic, Group: t.group, Delay: delay, Out: s.o.Out,
	})
	helpers.Go(func() { members.Run(ctx) })
	if err := s.awaitReady(ctx, t.namespace, t.bounds.Min); err != nil {
		return err
	}
	start := time.Now()
	helpers.Go(func() { t.recorder.Run(ctx, start) })
	if err := produce(ctx, s.broker, t.topic, t.bounds.Profile); err != nil {
		return err
	}
	awaitEnd(ctx, t.recorder, start.Add(t.bounds.Profile.End()+t.patience), t.bounds.Min, t.over)
	return ctx.Err()
}
