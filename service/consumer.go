package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/sidecar"
)

// ErrPermanent is the cause of errors that will come again however often the
// event is delivered: it goes to the dead letters at once.
var ErrPermanent = errors.New("permanent")

// handleTimeout bounds the handling of one delivery. It stays well below the
// 60 s after which the broker gives the partition to somebody else.
const handleTimeout = 30 * time.Second

// Consumer turns what a topic brings into calls of Handle, and what cannot be
// processed into dead letters.
//
// Handle gets a batch in which no operation occurs twice, and must be able to
// get any event again. It returns nil when the effects of all are stored and
// published. When it fails, its events are handled one by one, so that one bad
// event does not hold up the others.
type Consumer[T messages.Payload] struct {
	Handle func(ctx context.Context, events []messages.Event[T]) error
	// Abandon ends the operation of an event that went to the dead letters.
	// Data may be empty: the event was perhaps not readable.
	Abandon func(ctx context.Context, event messages.Event[T], reason string) error
	// Probe tells whether the sidecar works at all. While it does not, failures
	// are not counted against events.
	Probe func(context.Context) error
	// Attempts is how often an event may fail alone, while Probe works, before
	// it goes to the dead letters.
	Attempts int

	Service string
	Broker  sidecar.Publisher
	Metrics *EventMetrics
	Logger  *slog.Logger

	mu       sync.Mutex
	failures map[uuid.UUID]int
}

// NewConsumer makes a consumer of a service.
func NewConsumer[T messages.Payload](
	base Base, service string, probe func(context.Context) error,
	handle func(context.Context, []messages.Event[T]) error,
	abandon func(context.Context, messages.Event[T], string) error,
) *Consumer[T] {
	c := &Consumer[T]{
		Handle: handle, Abandon: abandon, Probe: probe, Attempts: base.Settings.Attempts,
		Service: service, Broker: base.Broker, Metrics: base.Events, Logger: base.Logger,
	}
	c.Metrics.begin(c.topic())
	return c
}

// delivered is a record on its way through the consumer, with its answer.
type delivered[T messages.Payload] struct {
	sidecar.Delivery
	event  messages.Event[T]
	reason string // why it is a dead letter
	err    error  // why it must be delivered again
}

// Consume implements sidecar.Consumer.
func (c *Consumer[T]) Consume(ctx context.Context, batch []sidecar.Delivery) []error {
	ctx, cancel := context.WithTimeout(ctx, handleTimeout)
	defer cancel()
	topic := c.topic()
	c.Metrics.batches.WithLabelValues(string(topic)).Observe(float64(len(batch)))

	records := make([]*delivered[T], len(batch))
	readable := make([]*delivered[T], 0, len(batch))
	for i, d := range batch {
		event, err := messages.Decode[T](d.Record)
		records[i] = &delivered[T]{Delivery: d, event: event}
		if err != nil {
			records[i].reason = err.Error()
			continue
		}
		readable = append(readable, records[i])
	}
	for _, round := range Rounds(readable, func(d *delivered[T]) uuid.UUID { return d.event.OperationID }) {
		c.handle(ctx, round)
	}
	c.bury(ctx, records)
	return c.answers(ctx, records)
}

func (c *Consumer[T]) topic() messages.Topic {
	var payload T
	return payload.Topic()
}

// handle processes a round: together, and after a failure one by one.
func (c *Consumer[T]) handle(ctx context.Context, round []*delivered[T]) {
	err := c.try(ctx, round)
	if err == nil {
		c.forget(round)
		return
	}
	if c.outage(ctx, round, err) {
		return
	}
	for i, d := range round {
		if len(round) > 1 {
			err = c.try(ctx, round[i:i+1])
		}
		if err != nil && c.outage(ctx, round[i:], err) {
			return
		}
		d.reason, d.err = c.classify(d.event.OperationID, err)
	}
}

// outage tells a failure of the world from one of an event, and has the events
// delivered again in the first case.
func (c *Consumer[T]) outage(ctx context.Context, round []*delivered[T], err error) bool {
	down := ctx.Err() != nil ||
		errors.Is(err, sidecar.ErrBroker) ||
		errors.Is(err, sidecar.ErrUnavailable) && c.Probe(ctx) != nil
	if down {
		for _, d := range round {
			d.err = err
		}
	}
	return down
}

// try calls Handle and turns a panic into an error: an event that makes it
// panic must end as a dead letter, not in a crash for ever.
func (c *Consumer[T]) try(ctx context.Context, round []*delivered[T]) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	events := make([]messages.Event[T], len(round))
	for i, d := range round {
		events[i] = d.event
	}
	return c.Handle(ctx, events)
}

// forget ends the count of failures of events that were processed.
func (c *Consumer[T]) forget(round []*delivered[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range round {
		delete(c.failures, d.event.OperationID)
	}
}

// classify decides what becomes of an event that failed alone: a dead letter
// with reason, or retry.
func (c *Consumer[T]) classify(id uuid.UUID, err error) (reason string, retry error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		delete(c.failures, id)
		return "", nil
	}
	if c.failures == nil {
		c.failures = map[uuid.UUID]int{}
	}
	c.failures[id]++
	if !errors.Is(err, ErrPermanent) && c.failures[id] < c.Attempts {
		return "", err
	}
	delete(c.failures, id)
	return err.Error(), nil
}

// bury puts what is given up on the dead-letter topic, then ends its operation.
// What cannot be buried now is delivered again.
func (c *Consumer[T]) bury(ctx context.Context, records []*delivered[T]) {
	topic := c.topic()
	for _, d := range records {
		if d.reason == "" {
			continue
		}
		letter := messages.DeadLetter{
			Topic: topic, Source: c.Service, Time: time.Now().UTC(), Reason: d.reason,
			OperationID: d.event.OperationID, Key: d.Key, Record: d.Record,
		}
		if d.err = c.buryOne(ctx, letter, d.event); d.err != nil {
			continue
		}
		c.Metrics.deadLetters.WithLabelValues(string(topic)).Inc()
		c.Logger.WarnContext(ctx, "dead letter", "topic", topic, "reason", d.reason, "operation_id", d.event.OperationID)
	}
}

func (c *Consumer[T]) buryOne(ctx context.Context, letter messages.DeadLetter, event messages.Event[T]) error {
	record, err := letter.Encode()
	if err != nil {
		return err
	}
	message := sidecar.Message{Key: letter.Key, Record: record}
	if err := c.Broker.Publish(ctx, PubSub, string(letter.Topic.DeadLetter()), []sidecar.Message{message}); err != nil {
		return err
	}
	if event.OperationID == uuid.Nil {
		return nil
	}
	return c.Abandon(ctx, event, letter.Reason)
}

// answers gives the sidecar its answer and counts it.
func (c *Consumer[T]) answers(ctx context.Context, records []*delivered[T]) []error {
	errs := make([]error, len(records))
	counts := map[string]int{}
	var failed error
	for i, d := range records {
		errs[i] = d.err
		switch {
		case d.err != nil:
			failed = d.err
			counts[outcomeRetried]++
		case d.reason != "":
			counts[outcomeDeadLettered]++
		default:
			counts[outcomeProcessed]++
		}
	}
	for outcome, n := range counts {
		c.Metrics.handled.WithLabelValues(string(c.topic()), outcome).Add(float64(n))
	}
	if failed != nil {
		c.Logger.WarnContext(ctx, "events will be delivered again", "topic", c.topic(), "events", counts[outcomeRetried], "error", failed)
	}
	return errs
}
