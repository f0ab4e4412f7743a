package generator

import (
	"context"
	"errors"
	"sync"
	"time"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

// Growth and decay balance where 24 of 25 first looks find the end.
const (
	delayGrowth = 1.05
	delayDecay  = 0.998
	delayLeast  = 2 * time.Millisecond
	delayMost   = time.Minute

	beat = 5 * time.Millisecond // how often the queue is looked through
)

// follower follows accepted operations to their end at the price of little
// more than one request each: it asks the oldest first, and not before the age
// at which operations currently have ended. One that has not ended raises that
// age for all others at once, so a system that stands still is asked little.
type follower struct {
	client  *client
	ledger  *ledger.Ledger
	trouble *trouble
	workers int

	mu    sync.Mutex
	fresh fifo          // accepted, never asked about
	again byDue         // asked about, not ended
	delay time.Duration // the age at which an operation should have ended
	wake  chan struct{}
}

// look is one operation with the time of its next look.
type look struct {
	entry *ledger.Entry
	due   time.Time
	age   time.Duration // at the first look
}

func newFollower(c *client, l *ledger.Ledger, t *trouble, workers int) *follower {
	return &follower{client: c, ledger: l, trouble: t, workers: workers, delay: delayLeast, wake: make(chan struct{}, 1)}
}

// follow takes an accepted operation over.
func (f *follower) follow(e *ledger.Entry) {
	f.mu.Lock()
	f.fresh.push(e)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run looks at operations until ctx ends.
func (f *follower) run(ctx context.Context) {
	looks := make(chan look)
	var workers sync.WaitGroup
	for range f.workers {
		workers.Go(func() {
			for l := range looks {
				f.look(ctx, l)
			}
		})
	}
	for f.sleep(ctx) {
		f.handOut(looks)
	}
	close(looks)
	workers.Wait()
}

// sleep waits a beat, or without end while there is nothing to follow.
func (f *follower) sleep(ctx context.Context) bool {
	if f.idle() {
		select {
		case <-ctx.Done():
			return false
		case <-f.wake:
		}
	}
	return pause.For(ctx, beat) == nil
}

func (f *follower) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fresh.len() == 0 && len(f.again) == 0
}

// handOut gives every operation that is due to a worker. It asks anew before
// each one, since an answer may have changed what is due.
func (f *follower) handOut(looks chan<- look) {
	for {
		l, ok := f.next(time.Now())
		if !ok {
			return
		}
		looks <- l
	}
}

// next takes the operation that is due at now, if one is.
func (f *follower) next(now time.Time) (look, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.again) > 0 && !f.again[0].due.After(now) {
		return f.again.pop(), true
	}
	if f.fresh.len() == 0 {
		return look{}, false
	}
	age := now.Sub(f.fresh.first().Accepted)
	if age < f.delay {
		return look{}, false
	}
	return look{entry: f.fresh.pop(), due: now, age: age}, true
}

// look asks how an operation does.
func (f *follower) look(ctx context.Context, l look) {
	seen, err := f.client.operation(ctx, l.entry.ID, 0)
	l.entry.Looks++
	if errors.Is(err, errNotFound) {
		f.ledger.Gone(l.entry)
	}
	if err != nil && ctx.Err() == nil {
		f.trouble.note(err)
	}
	now := time.Now()
	ended := err == nil && seen.Ended()
	f.learn(l, now, ended)
	if ended {
		f.ledger.End(l.entry, seen, now)
	}
}

// learn moves the delay by what a first look found, and plans the next look at
// what has not ended.
func (f *follower) learn(l look, now time.Time, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch first := l.entry.Looks == 1; {
	case first && ended:
		f.setDelay(time.Duration(float64(f.delay) * delayDecay))
	case first:
		// From the age, not from the delay: many looks under way at once must
		// not raise it one upon the other.
		f.setDelay(max(f.delay, time.Duration(float64(l.age)*delayGrowth)))
	}
	if !ended {
		f.again.push(look{entry: l.entry, due: now.Add(f.backoff(l.entry.Looks))})
	}
}

// observe takes note of a measured duration. Looks alone would lower the delay
// too slowly when a system has recovered from a stall: nothing is due for long.
func (f *follower) observe(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if 3*took < f.delay {
		f.setDelay(max(2*took, f.delay*4/5))
	}
}

// setDelay is called with mu held.
func (f *follower) setDelay(d time.Duration) { f.delay = min(max(d, delayLeast), delayMost) }

// backoff is how long an operation is left alone after its looks-th look.
func (f *follower) backoff(looks int) time.Duration {
	first := min(max(f.delay/2, 20*time.Millisecond), 500*time.Millisecond)
	return min(first<<min(looks-1, 6), 2*time.Second)
}
