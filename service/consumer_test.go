package service_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

var errBug = errors.New("a bug")

func TestConsume(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failures map[string]error // by name of the user
		batch    []sidecar.Delivery
		handled  [][]string
		answers  []bool // acknowledged
		dead     []string
		counts   map[string]float64
	}{
		"nothing": {answers: []bool{}, counts: map[string]float64{}},
		"a good batch is one call": {
			batch: deliveries("a", "b"), handled: [][]string{{"a", "b"}}, answers: []bool{true, true},
			counts: map[string]float64{"processed": 2},
		},
		"an operation that comes twice takes two rounds": {
			batch: deliveries("a", "b", "a", "a"), handled: [][]string{{"a", "b"}, {"a"}, {"a"}}, answers: []bool{true, true, true, true},
			counts: map[string]float64{"processed": 4},
		},
		"one bad event does not hold up the others": {
			failures: map[string]error{"bad": errBug},
			batch:    deliveries("a", "bad", "c"), handled: [][]string{{"a", "bad", "c"}, {"a"}, {"bad"}, {"c"}}, answers: []bool{true, false, true},
			counts: map[string]float64{"processed": 2, "retried": 1},
		},
		"a permanent error is a dead letter at once": {
			failures: map[string]error{"bad": fmt.Errorf("%w: %w", service.ErrPermanent, errBug)},
			batch:    deliveries("a", "bad", "c"), handled: [][]string{{"a", "bad", "c"}, {"a"}, {"bad"}, {"c"}}, answers: []bool{true, true, true},
			dead: []string{"bad"}, counts: map[string]float64{"processed": 2, "dead-lettered": 1},
		},
		"a round that fails does not stop the next": {
			failures: map[string]error{"bad": errBug},
			batch:    deliveries("bad", "a", "a"), handled: [][]string{{"bad", "a"}, {"bad"}, {"a"}, {"a"}}, answers: []bool{false, true, true},
			counts: map[string]float64{"processed": 2, "retried": 1},
		},
		"the broker goes away": {
			failures: map[string]error{"b": fmt.Errorf("publish: %w", sidecar.ErrBroker)},
			batch:    deliveries("a", "b", "c"), handled: [][]string{{"a", "b", "c"}}, answers: []bool{false, false, false},
			counts: map[string]float64{"retried": 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.failures = test.failures
			if diff := cmp.Diff(test.answers, acknowledged(b.consume(t, test.batch))); diff != "" {
				t.Errorf("acknowledged (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.handled, b.handled); diff != "" {
				t.Errorf("calls of Handle (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.dead, b.abandoned); diff != "" {
				t.Errorf("abandoned (-want +got):\n%s", diff)
			}
			if got := len(b.letters(t)); got != len(test.dead) {
				t.Errorf("%d dead letters, want %d", got, len(test.dead))
			}
			if diff := cmp.Diff(test.counts, b.outcomes(t)); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUndecodable: what nobody can read is kept as it came, and its neighbours
// are processed.
func TestUndecodable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const bytes = "\x00\xff not an event"
	nameless := delivery("")
	batch := []sidecar.Delivery{delivery("a"), {Key: "key", Record: []byte(bytes)}, nameless, {Record: nil}, delivery("b")}
	if diff := cmp.Diff([]bool{true, true, true, true, true}, acknowledged(b.consume(t, batch))); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"a", "b"}}, b.handled); diff != "" {
		t.Errorf("calls of Handle (-want +got):\n%s", diff)
	}
	letters := b.letters(t)
	for i := range letters {
		if letters[i].Reason == "" || time.Since(letters[i].Time) > time.Minute {
			t.Errorf("dead letter: %+v", letters[i])
		}
		letters[i].Time, letters[i].Reason = time.Time{}, ""
	}
	want := []messages.DeadLetter{
		{Topic: "user-create", Source: "test-service", Key: "key", Record: []byte(bytes)},
		{Topic: "user-create", Source: "test-service", OperationID: messages.OperationID(""), Key: nameless.Key, Record: nameless.Record},
		{Topic: "user-create", Source: "test-service"},
	}
	if diff := cmp.Diff(want, letters); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]uuid.UUID{messages.OperationID("")}, b.abandonedIDs); diff != "" {
		t.Errorf("abandoned operations (-want +got):\n%s", diff)
	}
	if got := b.metric(t, "registration_dead_letters_total", "user-create"); got != 3 {
		t.Errorf("counted %v dead letters, want 3", got)
	}
}

// TestAttempts: failures that an event causes itself are counted, those of the
// world around it are not.
func TestAttempts(t *testing.T) {
	t.Parallel()
	unavailable := fmt.Errorf("save: %w", sidecar.ErrUnavailable)
	for name, test := range map[string]struct {
		failure error
		probe   error
		counted bool
	}{
		"an error":                       {failure: errBug, counted: true},
		"a panic":                        {failure: errPanic, counted: true},
		"a panic while the world is bad": {failure: errPanic, probe: errBug, counted: true},
		"the store refuses this event":   {failure: unavailable, counted: true},
		"the store is away":              {failure: unavailable, probe: unavailable},
		"the broker is away":             {failure: fmt.Errorf("publish: %w", sidecar.ErrBroker)},
		"both are away":                  {failure: fmt.Errorf("publish: %w", sidecar.ErrBroker), probe: unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.failures, b.probe = map[string]error{"bad": test.failure}, test.probe
			var got []bool
			for range attempts {
				got = append(got, acknowledged(b.consume(t, deliveries("bad")))...)
			}
			want := make([]bool, attempts)
			want[attempts-1] = test.counted
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("acknowledged (-want +got):\n%s", diff)
			}
			letters := b.letters(t)
			if len(letters) == 1 != test.counted || len(b.abandoned) == 1 != test.counted {
				t.Errorf("dead letters %+v, abandoned %v", letters, b.abandoned)
			}
		})
	}
}

// TestSuccessForgetsFailures: what was delivered again for another reason must
// not be a dead letter for failures of long ago.
func TestSuccessForgetsFailures(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string][]sidecar.Delivery{"alone": deliveries("a"), "in a batch": deliveries("a", "b")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			for range attempts {
				b.failures = map[string]error{"a": errBug}
				if acknowledged(b.consume(t, deliveries("a")))[0] {
					t.Fatal("a dead letter after a success")
				}
				b.failures = nil
				b.consume(t, batch)
			}
		})
	}
}

// TestOutageBetween: the world breaks while the events of a failed batch are
// handled one by one.
func TestOutageBetween(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.handle = func(calls int) error { // fails as a batch, and from the second single event on
		switch calls {
		case 1:
			return errBug
		case 2:
			return nil
		}
		return sidecar.ErrBroker
	}
	if diff := cmp.Diff([]bool{true, false, false}, acknowledged(b.consume(t, deliveries("a", "b", "c")))); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"a", "b", "c"}, {"a"}, {"b"}}, b.handled); diff != "" {
		t.Errorf("calls of Handle (-want +got):\n%s", diff)
	}
}

// TestBurialFails: what can neither be processed nor buried comes again, until
// it is buried and its operation has ended.
func TestBurialFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.failures = map[string]error{"bad": service.ErrPermanent}
	batch := append(deliveries("bad", "a"), sidecar.Delivery{Record: []byte("bytes")})

	b.broker.Fail(sidecar.ErrBroker)
	wantAcknowledged(t, b.consume(t, batch), false, true, false)
	b.broker.Fail(nil)
	b.abandon = sidecar.ErrUnavailable
	wantAcknowledged(t, b.consume(t, batch), false, true, true)
	if letters := b.letters(t); len(letters) != 2 {
		t.Errorf("dead letters: %+v", letters)
	}
	b.abandon = nil
	wantAcknowledged(t, b.consume(t, batch), true, true, true)
	if letters := b.letters(t); len(letters) != 2 {
		t.Errorf("dead letters: %+v", letters)
	}
	if diff := cmp.Diff([]string{"bad"}, b.abandoned); diff != "" {
		t.Errorf("abandoned (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"processed": 3, "retried": 3, "dead-lettered": 3}, b.outcomes(t)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func wantAcknowledged(t *testing.T, errs []error, want ...bool) {
	t.Helper()
	if diff := cmp.Diff(want, acknowledged(errs)); diff != "" {
		t.Errorf("acknowledged (-want +got):\n%s", diff)
	}
}

// TestCancelled: a delivery that the sidecar gives up says nothing about its
// events, and handling one is over before the broker gives the partition away.
func TestCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.handle = func(int) error {
		cancel()
		return errBug
	}
	for range attempts - 1 {
		wantAcknowledged(t, b.consumer.Consume(ctx, deliveries("a", "b")), false, false)
	}
	wantAcknowledged(t, b.consume(t, deliveries("a", "b")), false, false)
	if letters := b.letters(t); len(letters) != 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	if b.remaining <= 0 || b.remaining > 50*time.Second {
		t.Errorf("Handle may take %v", b.remaining)
	}
}
