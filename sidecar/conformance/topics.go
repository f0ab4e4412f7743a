package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"registration.example/sidecar"
)

// Bus is a topic from its publisher to its one consumer group.
type Bus interface {
	// Publish puts records on the topic.
	Publish(ctx context.Context, messages []sidecar.Message) error
	// Deliver hands what the topic brings to consume from now on. Records that
	// nobody consumed wait for it.
	Deliver(consume sidecar.Consumer)
}

// arriveWithin bounds how long a record may take; a sidecar pauses 500 ms
// before it delivers again.
const arriveWithin = 20 * time.Second

// Topics runs the suite over a bus. It looks at records of its own only, so
// that the topic may hold others.
func Topics(t *testing.T, bus Bus) {
	t.Helper()
	cases := map[string]func(*testing.T, Bus){
		"records arrive as they were":           arrive,
		"records of one key keep their order":   keepOrder,
		"what fails comes again":                comeAgain,
		"a failure holds back what follows it":  holdBack,
		"records wait for their consumer":       waitForConsumer,
		"a large bulk arrives whole":            arriveWhole,
		"an answer that never comes loses none": neverAnswered,
	}
	for name, check := range cases {
		t.Run(name, func(t *testing.T) { check(t, bus) })
	}
}

// inbox collects the records of one test, which it knows by their key.
type inbox struct {
	prefix string
	mu     sync.Mutex
	got    []sidecar.Delivery
	wake   chan struct{}
	// fail says whether a record must come again; nil for never.
	fail func(sidecar.Delivery) error
}

func newInbox() *inbox { return &inbox{prefix: uuid.NewString(), wake: make(chan struct{}, 1)} }

// message makes a record of this test.
func (b *inbox) message(key int, record string) sidecar.Message {
	return sidecar.Message{Key: fmt.Sprint(b.prefix, "/", key), Record: []byte(record)}
}

// consume is the consumer of a test.
func (b *inbox) consume(_ context.Context, batch []sidecar.Delivery) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := make([]error, len(batch))
	var failed error
	for i, d := range batch {
		if len(d.Key) < len(b.prefix) || d.Key[:len(b.prefix)] != b.prefix {
			continue
		}
		if failed == nil && b.fail != nil {
			failed = b.fail(d)
		}
		if errs[i] = failed; failed == nil {
			b.got = append(b.got, sidecar.Delivery{Key: d.Key, Record: slices.Clone(d.Record)})
		}
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return errs
}

// await waits until the records that arrived, without repetitions, are as many
// as wanted, and gives them.
func (b *inbox) await(t *testing.T, want int) []sidecar.Delivery {
	t.Helper()
	timeout := time.After(arriveWithin)
	for {
		b.mu.Lock()
		unique := b.unique()
		b.mu.Unlock()
		if len(unique) >= want {
			return unique
		}
		select {
		case <-b.wake:
		case <-timeout:
			t.Fatalf("%d of %d records arrived", len(unique), want)
		}
	}
}

// unique gives what arrived, first arrivals only: any record may come twice.
func (b *inbox) unique() []sidecar.Delivery {
	seen := map[string]bool{}
	var unique []sidecar.Delivery
	for _, d := range b.got {
		if id := d.Key + "\x00" + string(d.Record); !seen[id] {
			seen[id] = true
			unique = append(unique, d)
		}
	}
	return unique
}

func publish(t *testing.T, bus Bus, messages ...sidecar.Message) {
	t.Helper()
	if err := bus.Publish(t.Context(), messages); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func arrive(t *testing.T, bus Bus) {
	box := newInbox()
	bus.Deliver(box.consume)
	want := map[string]string{}
	for i, record := range []string{"{}", "no JSON", `"text"`, " x ", "\x00\xff\xfe", `{"name":"$x 漢 \u0000"}`, "[1,2]"} {
		message := box.message(i, record)
		want[message.Key] = record
		publish(t, bus, message)
	}
	for _, d := range box.await(t, len(want)) {
		if want[d.Key] != string(d.Record) {
			t.Errorf("key %s: got %q, want %q", d.Key, d.Record, want[d.Key])
		}
	}
}

func keepOrder(t *testing.T, bus Bus) {
	const keys, each = 5, 40
	box := newInbox()
	bus.Deliver(box.consume)
	for n := range each {
		batch := make([]sidecar.Message, keys)
		for key := range batch {
			batch[key] = box.message(key, fmt.Sprintf("%03d", n))
		}
		publish(t, bus, batch...)
	}
	wantOrder(t, box.await(t, keys*each))
}

// wantOrder checks that the records of each key rise.
func wantOrder(t *testing.T, got []sidecar.Delivery) {
	t.Helper()
	last := map[string]string{}
	for _, d := range got {
		if record := string(d.Record); record < last[d.Key] {
			t.Fatalf("key %s: %s after %s", d.Key, record, last[d.Key])
		}
		last[d.Key] = string(d.Record)
	}
}

var errAgain = errors.New("again")

func comeAgain(t *testing.T, bus Bus) {
	box := newInbox()
	tries := map[string]int{}
	box.fail = func(d sidecar.Delivery) error {
		if tries[d.Key]++; tries[d.Key] < 3 {
			return errAgain
		}
		return nil
	}
	bus.Deliver(box.consume)
	publish(t, bus, box.message(1, "a"), box.message(2, "b"), box.message(3, "c"))
	box.await(t, 3)
}

func holdBack(t *testing.T, bus Bus) {
	box := newInbox()
	failures := 0
	box.fail = func(d sidecar.Delivery) error {
		if string(d.Record) == "002" && failures < 2 {
			failures++
			return errAgain
		}
		return nil
	}
	bus.Deliver(box.consume)
	batch := make([]sidecar.Message, 6)
	for i := range batch {
		batch[i] = box.message(1, fmt.Sprintf("%03d", i))
	}
	publish(t, bus, batch...)
	wantOrder(t, box.await(t, len(batch)))
}

func waitForConsumer(t *testing.T, bus Bus) {
	box := newInbox()
	bus.Deliver(func(_ context.Context, batch []sidecar.Delivery) []error {
		return slices.Repeat([]error{errAgain}, len(batch))
	})
	publish(t, bus, box.message(1, "a"), box.message(2, "b"))
	bus.Deliver(box.consume)
	box.await(t, 2)
}

func arriveWhole(t *testing.T, bus Bus) {
	const size = 500 // the largest bulk of a subscription
	box := newInbox()
	bus.Deliver(box.consume)
	batch := make([]sidecar.Message, size)
	for i := range batch {
		batch[i] = box.message(i, fmt.Sprintf("%03d", i))
	}
	publish(t, bus, batch...)
	box.await(t, size)
}

// neverAnswered consumes records and then says nothing about them.
func neverAnswered(t *testing.T, bus Bus) {
	box := newInbox()
	var silent sync.Once
	bus.Deliver(func(ctx context.Context, batch []sidecar.Delivery) []error {
		errs := box.consume(ctx, batch)
		silent.Do(func() {
			box.mu.Lock()
			box.got = nil // as if it had died: what it did is gone
			box.mu.Unlock()
			errs = nil
		})
		return errs
	})
	publish(t, bus, box.message(1, "a"), box.message(2, "b"))
	box.await(t, 2)
}
