package simulation

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// world decides what happens next. Everything that a replica does to the
// outside is an effect that waits until the world lets it happen, so that one
// thing happens at a time, in an order that the seed gives.
type world struct {
	random *rand.Rand
	// calm ends all faults: what is begun runs to its end.
	calm bool

	mu      sync.Mutex
	pending []*effect
	faults  map[fault]int
	// begun counts deliveries.
	begun int
}

// effect is one call of a replica to its sidecar, before it happened.
type effect struct {
	by *replica
	// cause is the delivery that it belongs to, 0 for requests of clients. What
	// has one cause happens in the order of number.
	cause, number int
	what          string
	resume        chan fault
}

// fault is what goes wrong with an effect.
type fault int

const (
	none        fault = iota
	lost              // the call did not arrive
	unconfirmed       // it did, but its answer did not
	twice             // it arrived twice
	crashBefore       // the replica died before the call arrived
	crashAfter        // the replica died after it had arrived
	cutOff            // the replica is dead already
)

var (
	errLost    = errors.New("simulated: no answer")
	errCrashed = errors.New("simulated: this replica is dead")
)

// causeKey is where a context has the number of its delivery.
type causeKey struct{}

// do lets effect apply happen when the world wants it, and as it wants it.
func (w *world) do(ctx context.Context, by *replica, what string, apply func() error) error {
	cause, _ := ctx.Value(causeKey{}).(int)
	e := &effect{by: by, cause: cause, what: what, resume: make(chan fault)}
	w.mu.Lock()
	by.effects++
	e.number = by.effects
	w.pending = append(w.pending, e)
	w.mu.Unlock()
	f := <-e.resume
	if f != none && f != cutOff {
		w.faults[f]++ // the world waits for us: nobody else writes now
	}
	switch f {
	case lost:
		return errLost
	case crashBefore, cutOff:
		by.dead = true
		return errCrashed
	case crashAfter:
		by.dead = true
		return errors.Join(errCrashed, apply())
	case unconfirmed:
		return errors.Join(errLost, apply())
	case twice:
		return errors.Join(apply(), apply())
	default:
		return apply()
	}
}

// settle waits until every goroutine waits for the world, or for time to pass.
func (w *world) settle() { synctest.Wait() }

// waiting gives the effects that can happen now, in an order that does not
// depend on the scheduler of Go.
func (w *world) waiting() []*effect {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortFunc(w.pending, func(a, b *effect) int {
		return cmp.Or(cmp.Compare(a.by.id, b.by.id), cmp.Compare(a.cause, b.cause), cmp.Compare(a.what, b.what), cmp.Compare(a.number, b.number))
	})
	return w.pending
}

// release lets an effect happen, or go wrong by chance.
func (w *world) release(e *effect) { w.resolve(e, w.fate(e)) }

// resolve lets an effect happen, or go wrong as told.
func (w *world) resolve(e *effect, f fault) {
	w.mu.Lock()
	w.pending = slices.DeleteFunc(w.pending, func(p *effect) bool { return p == e })
	w.mu.Unlock()
	e.resume <- f
	w.settle()
}

// fate draws what goes wrong with an effect; mostly nothing.
func (w *world) fate(e *effect) fault {
	switch {
	case e.by.dead:
		return cutOff
	case w.calm:
		return none
	}
	switch n := w.random.IntN(100); {
	case n < 4:
		return lost
	case n < 8:
		return unconfirmed
	case n < 11 && e.what == publishing:
		return twice
	case n < 13:
		return crashBefore
	case n < 15:
		return crashAfter
	}
	return none
}

// tick lets virtual time pass: approvals and waits go on.
func (w *world) tick() {
	time.Sleep(10 * time.Millisecond)
	w.settle()
}

// chance is true in one of n cases.
func (w *world) chance(n int) bool { return w.random.IntN(n) == 0 }
