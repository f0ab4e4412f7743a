package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/user-service/user"
)

// saga orchestrates user-create. What it publishes follows from the user as it
// stands in the store, never from the event alone: so an event that comes again
// leads to the same next event.
type saga struct {
	store   store
	broker  sidecar.Publisher
	users   *prometheus.CounterVec
	metrics *service.EventMetrics
	logger  *slog.Logger
}

// origin is what an event hands on to the next one.
type origin struct {
	operationID uuid.UUID
	deadline    time.Time
	traceParent string
}

func originOf[T messages.Payload](e messages.Event[T]) origin {
	return origin{operationID: e.OperationID, deadline: e.Deadline, traceParent: e.TraceParent}
}

// create consumes user-create: it stores users and asks for approval.
func (s *saga) create(ctx context.Context, events []messages.Event[messages.UserCreate]) error {
	now := time.Now()
	users, origins := make([]user.User, len(events)), make([]origin, len(events))
	for i, e := range events {
		users[i] = user.New(messages.UserID(e.OperationID), e.OperationID, e.Data.Name, e.Time, e.Deadline, now)
		origins[i] = originOf(e)
	}
	users, existed, err := s.store.create(ctx, users)
	if err != nil {
		return err
	}
	s.stored(ctx, messages.UserCreateTopic, users, existed, origins)
	return s.publish(ctx, users, origins)
}

// decide consumes user-approve-response: it stores verdicts and reports them.
func (s *saga) decide(ctx context.Context, events []messages.Event[messages.UserApproveResponse]) error {
	now := time.Now()
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = e.Data.UserID
	}
	found, err := s.store.get(ctx, ids...)
	if err != nil {
		return err
	}
	// Users that change come first: their order is that of replace's answers.
	var changed []kept
	var origins, again []origin
	var decided []user.User
	for i, e := range events {
		if !found[i].found || found[i].OperationID != e.OperationID {
			return fmt.Errorf("%w: operation %s has no user %s", service.ErrPermanent, e.OperationID, ids[i])
		}
		next, changes := found[i].Decide(user.Verdict{Approved: e.Data.Approved, Failure: e.Data.Failure}, e.Deadline, now)
		if !changes {
			decided, again = append(decided, next), append(again, originOf(e))
			continue
		}
		changed = append(changed, kept{User: next, etag: found[i].etag})
		origins = append(origins, originOf(e))
	}
	s.metrics.Redelivered(messages.UserApproveResponseTopic, len(decided))
	standing, existed, err := s.store.replace(ctx, changed)
	if err != nil {
		return err
	}
	s.stored(ctx, messages.UserApproveResponseTopic, standing, existed, origins)
	return s.publish(ctx, append(standing, decided...), append(origins, again...))
}

// stored logs and counts the users that are new in their state.
func (s *saga) stored(ctx context.Context, topic messages.Topic, users []user.User, existed []bool, origins []origin) {
	redelivered := 0
	for i, u := range users {
		if existed[i] {
			redelivered++
			continue
		}
		s.users.WithLabelValues(string(u.State)).Inc()
		s.logger.LogAttrs(ctx, slog.LevelInfo, "user "+string(u.State),
			slog.String("operation_id", u.OperationID.String()), slog.String("trace_id", messages.TraceID(origins[i].traceParent)),
			slog.String("name", u.Name), slog.String("failure", u.Failure))
	}
	s.metrics.Redelivered(topic, redelivered)
}

// publish sends what is next for each user: a request for approval while it is
// pending, the end of the saga when it is decided.
func (s *saga) publish(ctx context.Context, users []user.User, origins []origin) error {
	var requests, responses []sidecar.Message
	for i, u := range users {
		if u.Decided() {
			message, err := response(u, origins[i])
			if err != nil {
				return err
			}
			responses = append(responses, message)
			continue
		}
		message, err := encode(origins[i], messages.UserApprove{User: carried(u)})
		if err != nil {
			return err
		}
		requests = append(requests, message)
	}
	if err := s.broker.Publish(ctx, service.PubSub, string(messages.UserApproveTopic), requests); err != nil {
		return err
	}
	return s.broker.Publish(ctx, service.PubSub, string(messages.UserCreateResponseTopic), responses)
}

func response(u user.User, o origin) (sidecar.Message, error) {
	carried := carried(u)
	return encode(o, messages.UserCreateResponse{User: &carried, Approved: u.State == user.Approved, Failure: u.Failure})
}

func encode[T messages.Payload](o origin, data T) (sidecar.Message, error) {
	record, err := messages.Encode(messages.Event[T]{
		OperationID: o.operationID,
		Source:      Name,
		Time:        time.Now().UTC(),
		Deadline:    o.deadline,
		TraceParent: o.traceParent,
		Data:        data,
	})
	return sidecar.Message{Key: o.operationID.String(), Record: record}, err
}

func carried(u user.User) messages.User {
	return messages.User{UUID: u.UUID, Name: u.Name, CreatedAt: u.CreatedAt}
}

// abandonCreate ends the saga of a user-create event that went to the dead letters.
func (s *saga) abandonCreate(ctx context.Context, e messages.Event[messages.UserCreate], reason string) error {
	return s.abandon(ctx, originOf(e), reason)
}

// abandonDecide ends the saga of a verdict that went to the dead letters.
func (s *saga) abandonDecide(ctx context.Context, e messages.Event[messages.UserApproveResponse], reason string) error {
	return s.abandon(ctx, originOf(e), reason)
}

// abandon decides the user, if there is one and it can be stored, and reports
// how its saga ended.
func (s *saga) abandon(ctx context.Context, o origin, reason string) error {
	found, err := s.store.get(ctx, messages.UserID(o.operationID))
	if err != nil {
		return err
	}
	if !found[0].found {
		message, err := encode(o, messages.UserCreateResponse{Failure: reason})
		if err != nil {
			return err
		}
		return s.broker.Publish(ctx, service.PubSub, string(messages.UserCreateResponseTopic), []sidecar.Message{message})
	}
	users := []user.User{found[0].User}
	if next, changed := found[0].Decide(user.Verdict{Failure: reason}, o.deadline, time.Now()); changed {
		var existed []bool
		if users, existed, err = s.store.replace(ctx, []kept{{User: next, etag: found[0].etag}}); err != nil {
			return err
		}
		s.stored(ctx, messages.UserCreateTopic, users, existed, []origin{o})
	}
	return s.publish(ctx, users, []origin{o})
}
