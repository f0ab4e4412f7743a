// Package generator puts a load of user registrations on the system and
// follows every accepted one to its end.
//
// The load is an open loop: when a request is due follows from the rate, never
// from answers, and every latency counts from the moment when it was due. A
// system that stalls for a second therefore shows that second in all requests
// that were due in it, not in one (no coordinated omission).
package generator

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

// run is the state of one run.
type run struct {
	options   Options
	start     time.Time
	plan      *schedule
	cpuBefore time.Duration
	ledger    *ledger.Ledger
	trouble   *trouble
	sender    *sender
	follower  *follower
	watcher   *watcher
	checker   *checker
}

// Run sends the load until it is over or ctx ends, waits for the last
// operation to end, checks a sample a second time, and reports.
func Run(ctx context.Context, o Options) (Report, error) {
	r, err := newRun(o)
	if err != nil {
		return Report{}, err
	}
	stopMetrics, err := serveMetrics(o, r)
	if err != nil {
		return Report{}, err
	}
	defer stopMetrics()
	stopProgress := r.showProgress()
	sent, ended := r.load(ctx)
	r.check(ctx)
	stopProgress()
	if err := r.ledger.Close(); err != nil {
		return Report{}, fmt.Errorf("ledger file: %w", err)
	}
	return r.report(sent, ended), nil
}

func newRun(o Options) (*run, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	l := ledger.New(ledger.Options{
		Journal: o.Journal, Sample: o.Check,
		Random: rand.New(rand.NewPCG(o.Seed, 0)),
	})
	t := &trouble{}
	r := &run{
		options: o, start: time.Now(), cpuBefore: processCPU(), ledger: l, trouble: t,
		follower: newFollower(c, l, t, o.Clients),
		watcher:  &watcher{client: c, ledger: l, trouble: t},
		checker:  &checker{client: c, ledger: l, trouble: t},
	}
	r.watcher = &watcher{client: c, ledger: l, trouble: t, observe: r.follower.observe}
	r.plan = newSchedule(r.start, o)
	r.sender = &sender{
		options: o, client: c, ledger: l, trouble: t,
		accepted: r.accepted, slots: make(chan struct{}, o.Clients),
	}
	return r, nil
}

// accepted has an operation followed: by a waiting request if its duration is
// to be measured, else by asking now and then.
func (r *run) accepted(work context.Context, e *ledger.Entry) {
	if !e.Sampled || !r.watcher.watch(work, e) {
		r.follower.follow(e)
	}
}

// load sends, and drains. It returns how long sending took, and both together.
func (r *run) load(ctx context.Context) (sent, ended time.Duration) {
	// Requests under way outlive the signal that ends the sending.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var following sync.WaitGroup
	following.Go(func() { r.follower.run(work) })
	r.sender.run(ctx, work, r.plan)
	sent = time.Since(r.start)
	r.drain(work)
	ended = time.Since(r.start)
	stop()
	r.sender.repeats.Wait()
	r.watcher.all.Wait()
	following.Wait()
	return sent, ended
}

// drain waits until every operation is settled, at most as long as is allowed.
func (r *run) drain(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, r.options.Drain)
	defer stop()
	for r.ledger.Open() > 0 && pause.For(ctx, 10*time.Millisecond) == nil {
	}
}

// check looks at the sample a second time. It takes as long as it takes: the
// number of checks is bounded, and each has its timeout.
func (r *run) check(ctx context.Context) {
	r.checker.run(context.WithoutCancel(ctx), r.ledger.Sample())
}
