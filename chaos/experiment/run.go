package experiment

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"registration.example/chaos/effects"
	"registration.example/chaos/plan"
	"registration.example/chaos/verdict"
	"registration.example/load/pause"
)

const (
	// watchInterval is how often the databases are looked at meanwhile.
	watchInterval = 15 * time.Second
	// quietLimit is how long the consumers may take to the end of all topics.
	quietLimit = 2 * time.Minute
	readLimit  = 5 * time.Minute
)

// experiment is one that runs.
type experiment struct {
	o     Options
	fleet *fleet
	start time.Time

	redelivered tally
	watch       verdict.Watch
	before      effects.Keys

	telling sync.Mutex
}

// Run runs an experiment, on a system that it starts and stops.
func Run(ctx context.Context, o Options) (Result, error) {
	if err := o.validate(); err != nil {
		return Result{}, err
	}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return Result{}, fmt.Errorf("folder of the experiment: %w", err)
	}
	f, err := startFleet(ctx, o, o.Out)
	if err != nil {
		return Result{}, err
	}
	defer f.stop()
	e := &experiment{o: o, fleet: f}
	if e.before, err = effects.ReadKeys(ctx, f.store); err != nil {
		return Result{}, err
	}
	return e.run(ctx)
}

// run disturbs the system under load, and judges.
func (e *experiment) run(ctx context.Context) (Result, error) {
	e.start = time.Now()
	load := newLoad(e.fleet, e.o)
	if err := load.warmUp(ctx); err != nil {
		return Result{}, err
	}
	sending, stopSending := context.WithCancel(ctx)
	defer stopSending()
	e.start = time.Now()
	e.say("load: %g operations a second; first fault after %s", e.o.Rate, calm)
	load.start(sending)
	locks := newLocks()
	stopHelpers := e.startHelpers(ctx, &operator{machine: e.fleet, locks: locks, say: e.say})
	defer stopHelpers()

	happened, lastFault := e.disturb(ctx, locks)
	e.say("the last fault is over; the load goes on for %s", aftermath)
	if err := pause.For(ctx, aftermath); err != nil {
		return Result{}, err
	}
	stopSending()
	e.say("drain")
	account, err := load.wait()
	if err != nil {
		return Result{}, err
	}
	if err := e.quiet(ctx); err != nil {
		return Result{}, err
	}
	stopHelpers()
	return e.judge(ctx, account, happened, lastFault)
}

// startHelpers starts what goes on beside the faults.
func (e *experiment) startHelpers(ctx context.Context, operator *operator) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	helpers.Go(func() { e.fleet.watchRedeliveries(ctx, &e.redelivered) })
	helpers.Go(func() { e.watchDatabases(ctx) })
	helpers.Go(func() { operator.run(ctx) })
	return func() {
		cancel()
		helpers.Wait()
	}
}

// watchDatabases looks for ends that change. A database that is away is looked
// at later.
func (e *experiment) watchDatabases(ctx context.Context) {
	for pause.For(ctx, watchInterval) == nil {
		if stored, err := effects.Read(ctx, e.fleet.store, e.before); err == nil {
			e.watch.See(stored)
		}
	}
}

// disturb does all faults of the plan, and says when the last one was undone.
func (e *experiment) disturb(ctx context.Context, locks *locks) (happened []Happened, last time.Time) {
	injector := &injector{machine: e.fleet, links: e.fleet.links(), locks: locks}
	faults := plan.Draw(e.o.Seed, e.o.faults(), calm, e.o.Duration-aftermath, e.fleet.targets())
	happened = make([]Happened, len(faults))
	var going sync.WaitGroup
	for i, f := range faults {
		happened[i].Fault = f
		if err := pause.For(ctx, time.Until(e.start.Add(f.At))); err != nil {
			happened[i].Error = err.Error()
			continue
		}
		e.say("fault %d of %d: %s", i+1, len(faults), f)
		going.Go(func() {
			if err := injector.inject(ctx, f); err != nil {
				happened[i].Error = err.Error()
				e.say("fault %d did not happen: %v", i+1, err)
			}
		})
	}
	going.Wait()
	return happened, time.Now()
}

// quiet waits until the services have acknowledged all there is.
func (e *experiment) quiet(ctx context.Context) error {
	unread, err := int64(0), error(nil)
	waited := until(ctx, quietLimit, func() bool {
		unread, err = effects.Unread(ctx, e.fleet.Kafka())
		return err == nil && unread == 0
	})
	if waited == nil && (err != nil || unread > 0) {
		return fmt.Errorf("after %s the services have not read %d records (%w)", quietLimit, unread, err)
	}
	return waited
}

// judge reads what was done, and compares.
func (e *experiment) judge(ctx context.Context, a account, happened []Happened, lastFault time.Time) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	stored, err := effects.Read(ctx, e.fleet.store, e.before)
	if err != nil {
		return Result{}, err
	}
	published, err := effects.ReadTopics(ctx, e.fleet.Kafka())
	if err != nil {
		return Result{}, err
	}
	e.watch.See(stored)
	r := Result{
		Profile: e.o.Profile, Seed: e.o.Seed, Start: e.start.UTC(), Duration: e.o.Duration.String(), Rate: e.o.Rate,
		Verdict: verdict.Judge(a.all, stored, published, append(a.found, e.watch.Findings...)),
		Counted: e.redelivered.sum(), Duplicates: int64(published.Duplicates()),
		Wanted: len(happened), Plan: happened, Clients: a.counts,
	}
	r.Redelivered = max(r.Counted, r.Duplicates)
	for _, h := range happened {
		if h.Error == "" {
			r.Faults++
		}
	}
	r.Pace = verdict.MeasurePace(a.keyed,
		verdict.Span{From: e.start.Add(warmUp), To: e.start.Add(calm)},
		verdict.Span{From: lastFault, To: lastFault.Add(aftermath)})
	return r, nil
}

// say tells a line, with the time since the load began.
func (e *experiment) say(format string, args ...any) {
	e.telling.Lock()
	defer e.telling.Unlock()
	_, _ = fmt.Fprintf(e.o.Out, "%6.1fs %s\n", time.Since(e.start).Seconds(), fmt.Sprintf(format, args...))
}
