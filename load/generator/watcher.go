package generator

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

const (
	// watchFor is the longest wait that the service grants (RFC 7240 wait).
	watchFor = 30 * time.Second
	// maxWatches bounds the connections held open by waiting requests. What
	// is sampled beyond that is followed by asking, and measured no shorter
	// than it was.
	maxWatches = 1000
	// watchAgain keeps a watcher from asking in a tight loop where the
	// service answers without waiting.
	watchAgain = 10 * time.Millisecond
)

// watcher measures how long sagas take. It waits for the end of a sampled
// operation with one long request, so that the figure's resolution is one
// round trip, not the distance of two polls.
type watcher struct {
	client  *client
	ledger  *ledger.Ledger
	trouble *trouble
	observe func(took time.Duration) // is told how long an accepted operation took
	open    atomic.Int64
	all     sync.WaitGroup
}

// watch takes an operation over, unless too many are being watched.
func (w *watcher) watch(ctx context.Context, e *ledger.Entry) bool {
	if w.open.Add(1) > maxWatches {
		w.open.Add(-1)
		return false
	}
	w.all.Go(func() {
		defer w.open.Add(-1)
		for !w.ask(ctx, e) && pause.For(ctx, watchAgain) == nil {
		}
	})
	return true
}

// ask says whether the operation has ended.
func (w *watcher) ask(ctx context.Context, e *ledger.Entry) bool {
	seen, err := w.client.operation(ctx, e.ID, watchFor)
	switch {
	case err == nil && seen.Ended():
		now := time.Now()
		w.observe(now.Sub(e.Accepted))
		w.ledger.End(e, seen, now)
		return true
	case errors.Is(err, errNotFound):
		w.ledger.Gone(e)
	case ctx.Err() == nil:
		w.trouble.note(err)
	}
	if err != nil {
		_ = pause.For(ctx, repeatAfter)
	}
	return false
}
