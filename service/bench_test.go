package service_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// attempts is how often an event may fail on the bench.
const attempts = 3

// errPanic makes the bench's Handle panic.
var errPanic = errors.New("panic")

// bench is a consumer with everything around it in memory, and notes of what
// it did. Events are told apart by the name of their user.
type bench struct {
	consumer *service.Consumer[messages.UserCreate]
	broker   *memory.Broker
	registry *prometheus.Registry

	failures map[string]error      // what Handle answers for a name
	handle   func(calls int) error // what Handle answers for its n-th call
	abandon  error
	probe    error

	handled      [][]string
	abandoned    []string
	abandonedIDs []uuid.UUID
	remaining    time.Duration // what Handle had left at its first call
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{broker: memory.NewBroker(), registry: prometheus.NewRegistry()}
	b.consumer = &service.Consumer[messages.UserCreate]{
		Handle: b.onHandle,
		Abandon: func(_ context.Context, event messages.Event[messages.UserCreate], reason string) error {
			if b.abandon != nil {
				return b.abandon
			}
			if reason == "" {
				t.Error("abandoned without a reason")
			}
			b.abandoned = append(b.abandoned, event.Data.Name)
			b.abandonedIDs = append(b.abandonedIDs, event.OperationID)
			return nil
		},
		Probe:    func(context.Context) error { return b.probe },
		Attempts: attempts,
		Service:  "test-service",
		Broker:   b.broker,
		Metrics:  service.NewEventMetrics(b.registry),
		Logger:   slog.New(slog.DiscardHandler),
	}
	return b
}

func (b *bench) onHandle(ctx context.Context, events []messages.Event[messages.UserCreate]) error {
	if deadline, limited := ctx.Deadline(); limited && b.remaining == 0 {
		b.remaining = time.Until(deadline)
	}
	names := make([]string, len(events))
	for i, event := range events {
		names[i] = event.Data.Name
	}
	b.handled = append(b.handled, names)
	if b.handle != nil {
		return b.handle(len(b.handled))
	}
	for _, name := range names {
		if err := b.failures[name]; errors.Is(err, errPanic) {
			panic(err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) consume(t *testing.T, batch []sidecar.Delivery) []error {
	t.Helper()
	errs := b.consumer.Consume(t.Context(), batch)
	if len(errs) != len(batch) {
		t.Fatalf("%d answers for %d deliveries", len(errs), len(batch))
	}
	return errs
}

// letters takes what stands on the dead-letter topic.
func (b *bench) letters(t *testing.T) []messages.DeadLetter {
	t.Helper()
	var letters []messages.DeadLetter
	for _, message := range b.broker.Take("user-create-dead-letter") {
		letter, err := messages.DecodeDeadLetter(message.Record)
		if err != nil {
			t.Fatal(err)
		}
		if message.Key != letter.Key {
			t.Errorf("a dead letter with key %q stands under key %q", letter.Key, message.Key)
		}
		letters = append(letters, letter)
	}
	return letters
}

// outcomes gives events_handled_total of the topic by outcome.
func (b *bench) outcomes(t *testing.T) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for _, outcome := range []string{"processed", "retried", "dead-lettered"} {
		if n := b.metric(t, "registration_events_handled_total", outcome, "user-create"); n != 0 {
			counts[outcome] = n
		}
	}
	return counts
}

// metric gives the value of a counter with these values of its labels, which
// stand in the order of the labels' names.
func (b *bench) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var values []string
			for _, label := range metric.GetLabel() {
				values = append(values, label.GetValue())
			}
			if strings.Join(values, "/") == strings.Join(labels, "/") {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// delivery is the event that asks for a user with this name.
func delivery(name string) sidecar.Delivery {
	now := time.Now().UTC()
	event := messages.Event[messages.UserCreate]{
		OperationID: messages.OperationID(name), Source: "test", Time: now, Deadline: now.Add(time.Hour), Data: messages.UserCreate{Name: name},
	}
	record, err := messages.Encode(event)
	if err != nil {
		panic(err)
	}
	return sidecar.Delivery{Key: event.OperationID.String(), Record: record}
}

func deliveries(names ...string) []sidecar.Delivery {
	batch := make([]sidecar.Delivery, len(names))
	for i, name := range names {
		batch[i] = delivery(name)
	}
	return batch
}

func acknowledged(errs []error) []bool {
	acknowledged := make([]bool, len(errs))
	for i, err := range errs {
		acknowledged[i] = err == nil
	}
	return acknowledged
}
