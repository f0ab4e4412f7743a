package generator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

// A request that was not answered with a 202 is repeated after repeatAfter,
// twice that, and so on up to repeatAtMost.
const (
	repeatAfter  = 100 * time.Millisecond
	repeatAtMost = 2 * time.Second
)

// sender turns the schedule's turns into requests.
type sender struct {
	options  Options
	client   *client
	ledger   *ledger.Ledger
	trouble  *trouble
	accepted func(context.Context, *ledger.Entry) // takes an accepted operation over
	slots    chan struct{}                        // repeats in flight
	repeats  sync.WaitGroup
}

// run sends until the schedule is over or ctx ends, and returns when every
// request but the repeats is answered. Requests live as long as work.
func (s *sender) run(ctx, work context.Context, plan *schedule) {
	var clients sync.WaitGroup
	for range s.options.Clients {
		clients.Go(func() {
			for {
				t, ok := plan.next(ctx)
				if !ok {
					return
				}
				s.send(work, s.entry(t))
			}
		})
	}
	clients.Wait()
}

// entry draws the name of a turn: from seed and number alone, so that the same
// seed sends the same names.
func (s *sender) entry(t turn) *ledger.Entry {
	random := rand.New(rand.NewPCG(s.options.Seed, uint64(t.seq)))
	e := &ledger.Entry{Seq: t.seq, Intended: t.intended, Sampled: t.sampled, Deny: random.Float64() < s.options.Deny}
	word := "load"
	if e.Deny {
		word = "deny"
	}
	e.Name = fmt.Sprintf("%s-%x-%d", word, s.options.Seed, t.seq)
	if s.options.Keys {
		// Not from the seed: the second run with a seed wants new operations.
		e.Key = uuid.NewString()
	}
	return e
}

// send makes the first attempt.
func (s *sender) send(work context.Context, e *ledger.Entry) {
	e.Sent, e.Attempts = time.Now(), 1
	s.ledger.Attempt(e)
	s.finish(work, e, s.client.create(work, e.Name, e.Key, s.waits(e)))
}

// waits is how long a request may wait for the end of its operation, which
// saves the request that would ask for it. Sampled ones do not: theirs is the
// time to the 202, and to the end as a client sees it who asks for it.
func (s *sender) waits(e *ledger.Entry) time.Duration {
	if !s.options.Wait || e.Sampled {
		return 0
	}
	e.Waited = true
	return watchFor
}

// finish does what an answer asks for: follow, repeat or give up.
func (s *sender) finish(work context.Context, e *ledger.Entry, a answer) {
	switch a.state {
	case ledger.Accepted:
		now := time.Now()
		s.ledger.Accept(e, a.id, now)
		if a.seen.Ended() {
			s.ledger.End(e, a.seen, now)
			return
		}
		s.accepted(work, e)
		return
	case ledger.Rejected:
		s.ledger.Busy()
	case ledger.Attempted:
		s.ledger.Doubt(e, a.timeout)
	}
	s.trouble.note(a.err)
	if e.Key == "" || a.state == ledger.Refused || work.Err() != nil {
		s.ledger.GiveUp(e, a.state)
		return
	}
	s.repeats.Go(func() { s.repeat(work, e, a) })
}

// repeat sends e again with the same key, after a while. It does so beside the
// schedule, which goes on: a refused request must not delay the next one.
func (s *sender) repeat(work context.Context, e *ledger.Entry, a answer) {
	delay := min(repeatAfter<<min(e.Attempts-1, 10), repeatAtMost)
	delay = max(delay/2+rand.N(delay), a.retryAfter)
	if pause.For(work, delay) != nil {
		s.ledger.GiveUp(e, a.state)
		return
	}
	s.slots <- struct{}{}
	s.ledger.Repeat(e)
	next := s.client.create(work, e.Name, e.Key, s.waits(e))
	<-s.slots
	s.finish(work, e, next)
}

// trouble remembers the last error for the progress line.
type trouble struct {
	mu   sync.Mutex
	last error
}

func (t *trouble) note(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = err
}

// take returns the last error and forgets it.
func (t *trouble) take() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.last
	t.last = nil
	return err
}
