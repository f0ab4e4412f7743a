package service

import (
	"context"
	"errors"
	"time"
)

// ErrOverloaded means that too many requests wait already.
var ErrOverloaded = errors.New("too many requests wait")

// Gatherer turns work that arrives at the same time into batches: its workers
// take what waits and never wait for more, so that one request alone is not
// held up, and many share one call to the sidecar.
type Gatherer[T any] struct {
	// Handle does the work of a batch and finishes each task of it.
	Handle func(ctx context.Context, batch []*Task[T])
	// Max is the most tasks in a batch.
	Max int

	waiting chan *Task[T]
}

// NewGatherer makes a gatherer in which at most queue tasks wait.
func NewGatherer[T any](limit, queue int, handle func(ctx context.Context, batch []*Task[T])) *Gatherer[T] {
	return &Gatherer[T]{Handle: handle, Max: limit, waiting: make(chan *Task[T], queue)}
}

// Task is one piece of work. Value is the question, and the answer when it is
// finished without error.
type Task[T any] struct {
	Value T

	waits context.Context //nolint:containedctx // says whether somebody still waits for the answer
	done  chan error
}

// Finish answers the task. Only the first answer counts.
func (t *Task[T]) Finish(err error) {
	select {
	case t.done <- err:
	default:
	}
}

// Do has value worked on and gives it as it is afterwards. It fails with
// ErrOverloaded when too much waits, and with late when patience is over.
func (g *Gatherer[T]) Do(ctx context.Context, value T, patience time.Duration, late error) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, late)
	defer cancel()
	task := &Task[T]{Value: value, waits: ctx, done: make(chan error, 1)}
	select {
	case g.waiting <- task:
	default:
		return value, ErrOverloaded
	}
	select {
	case err := <-task.done:
		return task.Value, err
	case <-ctx.Done():
		return value, context.Cause(ctx)
	}
}

// Full tells whether Do would fail with ErrOverloaded now: whoever asks first
// saves the work of making a task.
func (g *Gatherer[T]) Full() bool { return len(g.waiting) == cap(g.waiting) }

// Work is one worker; it runs until ctx ends.
func (g *Gatherer[T]) Work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-g.waiting:
			if batch := g.gather(first); len(batch) > 0 {
				g.Handle(ctx, batch)
			}
		}
	}
}

// gather takes what waits beside first, without those that gave up.
func (g *Gatherer[T]) gather(first *Task[T]) []*Task[T] {
	var batch []*Task[T]
	next := first
	for {
		if next.waits.Err() == nil {
			batch = append(batch, next)
		}
		if len(batch) == g.Max {
			return batch
		}
		select {
		case next = <-g.waiting:
		default:
			return batch
		}
	}
}
