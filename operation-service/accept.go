package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
)

var (
	// errOverloaded means that too many requests wait already.
	errOverloaded = errors.New("too many requests wait")
	// errKeyReused means that an Idempotency-Key came with another request before.
	errKeyReused = errors.New("the key was used for another request")
)

// acceptor turns requests into stored and published operations, many at once:
// workers take what waits, write it in one batch and publish it in one. They
// never wait for more, so a lone request is not held up.
type acceptor struct {
	store   store
	broker  sidecar.Publisher
	metrics *metrics
	logger  *slog.Logger
	// batch is the most requests that one worker takes.
	batch int

	waiting chan *request
}

// request is one operation on its way.
type request struct {
	operation operation.Operation
	// keyed requests may have come before: the operation may exist.
	keyed bool
	// waits ends when nobody waits for the answer any more.
	waits context.Context
	done  chan error
}

// patience bounds how long a request waits for its answer.
const patience = 10 * time.Second

// accept stores and publishes an operation and returns it as it stands then,
// which is the first request's if the key was sent before.
func (a *acceptor) accept(ctx context.Context, o operation.Operation, keyed bool) (operation.Operation, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, sidecar.ErrUnavailable)
	defer cancel()
	r := &request{operation: o, keyed: keyed, waits: ctx, done: make(chan error, 1)}
	select {
	case a.waiting <- r:
	default:
		return o, errOverloaded
	}
	select {
	case err := <-r.done:
		return r.operation, err
	case <-ctx.Done():
		return o, context.Cause(ctx)
	}
}

// work is a worker; it runs until ctx ends.
func (a *acceptor) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-a.waiting:
			batch := a.gather(first)
			if len(batch) == 0 {
				continue
			}
			a.metrics.acceptBatch.Observe(float64(len(batch)))
			// Requests of one key in one batch: the later finds what the first stored.
			for _, round := range service.Rounds(batch, func(r *request) uuid.UUID { return r.operation.UUID }) {
				a.process(ctx, round)
			}
		}
	}
}

// gather takes what waits beside first, without those that gave up.
func (a *acceptor) gather(first *request) []*request {
	var batch []*request
	next := first
	for {
		if next.waits.Err() == nil {
			batch = append(batch, next)
		}
		if len(batch) == a.batch {
			return batch
		}
		select {
		case next = <-a.waiting:
		default:
			return batch
		}
	}
}

// process stores, then publishes, then answers. An operation that is stored but
// not published was not accepted: its client sends the same key again.
func (a *acceptor) process(ctx context.Context, round []*request) {
	accepted, err := a.save(ctx, round)
	if err == nil {
		err = a.publish(ctx, accepted)
	}
	if err != nil {
		a.logger.WarnContext(ctx, "operations not accepted", "operations", len(round), "error", err)
		for _, r := range round {
			r.finish(err)
		}
		return
	}
	for _, r := range accepted {
		r.finish(nil)
	}
}

// finish answers, unless it was answered already.
func (r *request) finish(err error) {
	select {
	case r.done <- err:
	default:
	}
}

// save writes operations that do not exist yet. It answers requests that
// contradict an earlier one and gives back the others.
func (a *acceptor) save(ctx context.Context, round []*request) ([]*request, error) {
	writes := make([]sidecar.Write, len(round))
	for i, r := range round {
		when := sidecar.Always // a fresh UUID cannot exist, and a condition costs (docs/performance.md)
		if r.keyed {
			when = sidecar.IfAbsent
		}
		var err error
		if writes[i], err = write(r.operation, when, ""); err != nil {
			return nil, err
		}
	}
	results, err := a.store.records.Save(ctx, writes)
	if err != nil {
		return nil, err
	}
	accepted := make([]*request, 0, len(round))
	for i, r := range round {
		if results[i].Outcome == sidecar.Existed {
			first, err := decode(results[i].Record)
			if err != nil {
				return nil, err
			}
			if !first.Same(r.operation) {
				r.finish(errKeyReused)
				continue
			}
			r.operation = first.Operation
		} else {
			a.created(ctx, r.operation)
		}
		accepted = append(accepted, r)
	}
	return accepted, nil
}

func (a *acceptor) created(ctx context.Context, o operation.Operation) {
	a.metrics.operations.WithLabelValues(o.Type, string(o.State)).Inc()
	a.logger.LogAttrs(ctx, slog.LevelInfo, "operation pending",
		slog.String("operation_id", o.UUID.String()), slog.String("trace_id", messages.TraceID(o.TraceParent)))
}

// publish sends the first event of each saga; again if a repeated request finds
// its operation pending, because the first may have failed to be published.
func (a *acceptor) publish(ctx context.Context, accepted []*request) error {
	records := make([]sidecar.Message, 0, len(accepted))
	for _, r := range accepted {
		if r.operation.Done() {
			continue
		}
		record, err := messages.Encode(userCreate(r.operation))
		if err != nil {
			return err
		}
		records = append(records, sidecar.Message{Key: r.operation.UUID.String(), Record: record})
	}
	return a.broker.Publish(ctx, service.PubSub, string(messages.UserCreateTopic), records)
}

func userCreate(o operation.Operation) messages.Event[messages.UserCreate] {
	return messages.Event[messages.UserCreate]{
		OperationID: o.UUID,
		Source:      serviceName,
		Time:        o.CreatedAt,
		Deadline:    o.Deadline,
		TraceParent: o.TraceParent,
		Data:        messages.UserCreate{Name: o.Data.Name},
	}
}

// newOperation makes the operation of a request: its id comes from the key, so
// that a repeated request finds it, else it is new.
func newOperation(name, key string, now time.Time, within time.Duration, traceParent string) operation.Operation {
	id := uuid.New()
	if key != "" {
		id = messages.OperationID(key)
	}
	if traceParent == "" {
		traceParent = messages.StartTrace(id)
	}
	return operation.New(id, name, now, within, traceParent)
}
