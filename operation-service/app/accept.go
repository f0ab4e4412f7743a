package app

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
)

// errKeyReused means that an Idempotency-Key came with another request before.
var errKeyReused = errors.New("the key was used for another request")

// patience bounds how long a request waits for its answer.
const patience = 10 * time.Second

// acceptor turns requests into stored and published operations, many at once.
type acceptor struct {
	store   store
	broker  sidecar.Publisher
	metrics *metrics
	logger  *slog.Logger
}

// request is an operation to accept. When that is done it is the operation as
// it stands: the first request's, if the key was sent before.
type request struct {
	operation operation.Operation
	// keyed requests may have come before: the operation may exist.
	keyed bool
}

type task = service.Task[request]

// handle accepts a batch. Requests of one key in one batch go one after the
// other: the later finds what the first stored.
func (a *acceptor) handle(ctx context.Context, batch []*task) {
	a.metrics.acceptBatch.Observe(float64(len(batch)))
	for _, round := range service.Rounds(batch, func(t *task) uuid.UUID { return t.Value.operation.UUID }) {
		a.process(ctx, round)
	}
}

// process stores, then publishes, then answers. An operation that is stored but
// not published was not accepted: its client sends the same key again.
func (a *acceptor) process(ctx context.Context, round []*task) {
	accepted, err := a.save(ctx, round)
	if err == nil {
		err = a.publish(ctx, accepted)
	}
	if err != nil {
		a.logger.WarnContext(ctx, "operations not accepted", "operations", len(round), "error", err)
		accepted = round
	}
	for _, t := range accepted {
		t.Finish(err)
	}
}

// save writes operations that do not exist yet. It answers requests that
// contradict an earlier one and gives back the others.
func (a *acceptor) save(ctx context.Context, round []*task) ([]*task, error) {
	writes := make([]sidecar.Write, len(round))
	for i, t := range round {
		when := sidecar.Always // a fresh UUID cannot exist, and a condition costs (docs/design.md)
		if t.Value.keyed {
			when = sidecar.IfAbsent
		}
		var err error
		if writes[i], err = write(t.Value.operation, when, ""); err != nil {
			return nil, err
		}
	}
	results, err := a.store.records.Save(ctx, writes)
	if err != nil {
		return nil, err
	}
	accepted := make([]*task, 0, len(round))
	for i, t := range round {
		if results[i].Outcome == sidecar.Existed {
			first, err := decode(results[i].Record)
			if err != nil {
				return nil, err
			}
			if !first.Same(t.Value.operation) {
				t.Finish(errKeyReused)
				continue
			}
			t.Value.operation = first.Operation
		} else {
			a.created(ctx, t.Value.operation)
		}
		accepted = append(accepted, t)
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
func (a *acceptor) publish(ctx context.Context, accepted []*task) error {
	records := make([]sidecar.Message, 0, len(accepted))
	for _, t := range accepted {
		if t.Value.operation.Done() {
			continue
		}
		record, err := messages.Encode(userCreate(t.Value.operation))
		if err != nil {
			return err
		}
		records = append(records, sidecar.Message{Key: t.Value.operation.UUID.String(), Record: record})
	}
	return a.broker.Publish(ctx, service.PubSub, string(messages.UserCreateTopic), records)
}

func userCreate(o operation.Operation) messages.Event[messages.UserCreate] {
	return messages.Event[messages.UserCreate]{
		OperationID: o.UUID,
		Source:      Name,
		Time:        o.CreatedAt,
		Deadline:    o.Deadline,
		TraceParent: o.TraceParent,
		Data:        messages.UserCreate{Name: o.Data.Name},
	}
}

// newOperation makes the operation of a request: its id comes from the key, so
// that a repeated request finds it, else it is new.
func newOperation(name, key string, now time.Time, within time.Duration, traceParent string) operation.Operation {
	id := freshID(now)
	if key != "" {
		id = messages.OperationID(key)
	}
	if traceParent == "" {
		traceParent = messages.StartTrace(id)
	}
	return operation.New(id, name, now, within, traceParent)
}

// freshID is a new id that begins with the time (UUIDv7, RFC 9562): what is
// stored one after the other then stands together in the database's index,
// whose pages are written less often. It is made here, because uuid.NewV7
// remembers the last one: ids would not follow from time and chance alone.
func freshID(now time.Time) uuid.UUID {
	const version = 0x70
	id := uuid.New()
	milliseconds := binary.BigEndian.AppendUint64(nil, uint64(now.UnixMilli())) //nolint:gosec // after 1970
	copy(id[:6], milliseconds[2:])
	id[6] = version | id[6]&0x0f
	return id
}
