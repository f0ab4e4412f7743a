package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
)

// ender ends operations when their sagas have ended.
type ender struct {
	store   store
	waiters *waiters
	metrics *metrics
	events  *service.EventMetrics
	logger  *slog.Logger
}

// handle consumes user-create-response.
func (e *ender) handle(ctx context.Context, responses []messages.Event[messages.UserCreateResponse]) error {
	ids := make([]uuid.UUID, len(responses))
	for i, response := range responses {
		ids[i] = response.OperationID
	}
	stored, err := e.store.get(ctx, ids...)
	if err != nil {
		return err
	}
	writes := make([]sidecar.Write, 0, len(stored))
	ended := make([]operation.Operation, 0, len(stored))
	for i, o := range stored {
		if !o.found {
			return fmt.Errorf("%w: there is no operation %s", service.ErrPermanent, ids[i])
		}
		next, changed := o.End(outcome(responses[i].Data))
		if !changed {
			e.waiters.tell(next)
			continue
		}
		w, err := write(next, sidecar.IfUnchanged, o.etag)
		if err != nil {
			return err
		}
		writes, ended = append(writes, w), append(ended, next)
	}
	e.events.Redelivered(messages.UserCreateResponseTopic, len(stored)-len(ended))
	return e.save(ctx, writes, ended)
}

// save writes the ends. Where another replica ended an operation first, its
// end stays.
func (e *ender) save(ctx context.Context, writes []sidecar.Write, ended []operation.Operation) error {
	results, err := e.store.records.Save(ctx, writes)
	if err != nil {
		return err
	}
	for i, result := range results {
		if result.Outcome == sidecar.Conflict {
			first, err := decode(result.Record)
			if err != nil {
				return err
			}
			if !first.found || !first.Done() {
				return fmt.Errorf("operation %s changed meanwhile: %w", writes[i].Key, sidecar.ErrUnavailable)
			}
			e.waiters.tell(first.Operation)
			continue
		}
		e.ended(ctx, ended[i])
	}
	return nil
}

func (e *ender) ended(ctx context.Context, o operation.Operation) {
	e.waiters.tell(o)
	e.metrics.operations.WithLabelValues(o.Type, string(o.State)).Inc()
	e.metrics.duration.Observe(time.Since(o.CreatedAt).Seconds())
	attrs := make([]slog.Attr, 0, 4)
	attrs = append(attrs, slog.String("operation_id", o.UUID.String()), slog.String("trace_id", messages.TraceID(o.TraceParent)))
	if o.Data.Approved != nil {
		attrs = append(attrs, slog.Bool("approved", *o.Data.Approved))
	}
	if o.Error != "" {
		attrs = append(attrs, slog.String("error", o.Error))
	}
	e.logger.LogAttrs(ctx, slog.LevelInfo, "operation "+string(o.State), attrs...)
}

// abandon fails the operation of a response that could not be processed.
func (e *ender) abandon(ctx context.Context, response messages.Event[messages.UserCreateResponse], reason string) error {
	stored, err := e.store.get(ctx, response.OperationID)
	if err != nil {
		return err
	}
	if !stored[0].found {
		return nil
	}
	failed, changed := stored[0].End(operation.Outcome{Failure: reason})
	if !changed {
		return nil
	}
	w, err := write(failed, sidecar.IfUnchanged, stored[0].etag)
	if err != nil {
		return err
	}
	return e.save(ctx, []sidecar.Write{w}, []operation.Operation{failed})
}

func outcome(response messages.UserCreateResponse) operation.Outcome {
	o := operation.Outcome{Approved: response.Approved, Failure: response.Failure}
	if response.User != nil {
		o.UserID, o.CreatedAt = response.User.UUID, response.User.CreatedAt
	}
	return o
}
