package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// racing is a state in which another replica comes first: before the next
// save it does before.
type racing struct {
	*memory.State
	before func()
}

func (r *racing) Save(ctx context.Context, writes []sidecar.Write) ([]sidecar.Result, error) {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	return r.State.Save(ctx, writes)
}

func newEnder(records sidecar.State) *ender {
	registry := service.NewRegistry()
	return &ender{
		store: store{records}, waiters: newWaiters(), metrics: newMetrics(registry),
		events: service.NewEventMetrics(registry), logger: slog.New(slog.DiscardHandler),
	}
}

// stored puts operations into a state.
func stored(t *testing.T, state sidecar.State, operations ...operation.Operation) {
	t.Helper()
	for _, o := range operations {
		w, err := write(o, sidecar.Always, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Save(t.Context(), []sidecar.Write{w}); err != nil {
			t.Fatal(err)
		}
	}
}

// load gives the operation that a state holds.
func load(t *testing.T, state sidecar.State, id uuid.UUID) operation.Operation {
	t.Helper()
	found, err := store{state}.get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return found[0].Operation
}

func pendingOperation() operation.Operation {
	return operation.New(uuid.New(), "hans", time.Now(), time.Hour, "")
}

func event(id uuid.UUID, data messages.UserCreateResponse) messages.Event[messages.UserCreateResponse] {
	return messages.Event[messages.UserCreateResponse]{OperationID: id, Data: data}
}

func TestEndsOfABatch(t *testing.T) {
	t.Parallel()
	state := memory.NewState()
	operations := []operation.Operation{pendingOperation(), pendingOperation(), pendingOperation()}
	stored(t, state, operations...)
	var batch []messages.Event[messages.UserCreateResponse]
	for i, o := range operations {
		batch = append(batch, event(o.UUID, messages.UserCreateResponse{User: hans(o.UUID), Approved: i%2 == 0}))
	}
	count := &counting{State: state}
	if err := newEnder(count).handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{3}, count.saved); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	for i, o := range operations {
		want, _ := o.End(outcome(batch[i].Data))
		if diff := cmp.Diff(want, load(t, state, o.UUID)); diff != "" {
			t.Errorf("operation %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestTheFirstEndStays: whatever comes later, be it the same event again or
// another, changes nothing, and whoever waits is told the first end.
func TestTheFirstEndStays(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	ends := map[string]messages.UserCreateResponse{
		"approved":     {User: hans(id), Approved: true},
		"not approved": {User: hans(id)},
		"failed":       {User: hans(id), Failure: "deadline passed"},
		"dead letter":  {Failure: "not an event"},
	}
	for first, firstEnd := range ends {
		for second, secondEnd := range ends {
			for _, where := range []string{"before", "meanwhile"} {
				t.Run(first+", then "+second+", "+where, func(t *testing.T) {
					t.Parallel()
					o := pendingOperation()
					o.UUID = id
					state := &racing{State: memory.NewState()}
					stored(t, state, o)
					other, e := newEnder(state.State), newEnder(state)
					endFirst := func() {
						if err := other.handle(t.Context(), []messages.Event[messages.UserCreateResponse]{event(id, firstEnd)}); err != nil {
							t.Error(err)
						}
					}
					if where == "before" {
						endFirst()
					} else {
						state.before = endFirst
					}
					told, leave := e.waiters.join(id)
					defer leave()
					if err := e.handle(t.Context(), []messages.Event[messages.UserCreateResponse]{event(id, secondEnd)}); err != nil {
						t.Fatal(err)
					}
					want, _ := o.End(outcome(firstEnd))
					if diff := cmp.Diff(want, load(t, state, id)); diff != "" {
						t.Errorf("stored (-want +got):\n%s", diff)
					}
					select {
					case got := <-told:
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("told (-want +got):\n%s", diff)
						}
					default:
						t.Error("nobody was told")
					}
				})
			}
		}
	}
}

func TestWhatCannotBeEnded(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(*testing.T, *racing, operation.Operation)
		want    error
	}{
		"there is no such operation": {func(*testing.T, *racing, operation.Operation) {}, service.ErrPermanent},
		"the database is away": {func(t *testing.T, r *racing, o operation.Operation) {
			t.Helper()
			stored(t, r, o)
			r.Fail(sidecar.ErrUnavailable)
		}, sidecar.ErrUnavailable},
		"the database goes away meanwhile": {func(t *testing.T, r *racing, o operation.Operation) {
			t.Helper()
			stored(t, r, o)
			r.before = func() { r.Fail(sidecar.ErrUnavailable) }
		}, sidecar.ErrUnavailable},
		"it changes meanwhile, but does not end": {func(t *testing.T, r *racing, o operation.Operation) {
			t.Helper()
			stored(t, r, o)
			r.before = func() { stored(t, r.State, o) }
		}, sidecar.ErrUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, o := &racing{State: memory.NewState()}, pendingOperation()
			c.prepare(t, state, o)
			err := newEnder(state).handle(t.Context(), []messages.Event[messages.UserCreateResponse]{event(o.UUID, messages.UserCreateResponse{User: hans(o.UUID)})})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			state.Fail(nil)
			if got := load(t, state, o.UUID); got.UUID == o.UUID && got.Done() {
				t.Errorf("it has ended: %+v", got)
			}
		})
	}
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	o := pendingOperation()
	completed, _ := o.End(operation.Outcome{UserID: uuid.New(), Approved: true})
	failed, _ := o.End(operation.Outcome{Failure: "cannot be processed"})
	cases := map[string]struct {
		stands    []operation.Operation
		meanwhile []operation.Operation
		want      operation.Operation
	}{
		"a pending operation fails":      {[]operation.Operation{o}, nil, failed},
		"an ended one stays":             {[]operation.Operation{completed}, nil, completed},
		"one that ends meanwhile stays":  {[]operation.Operation{o}, []operation.Operation{completed}, completed},
		"there is none":                  {nil, nil, operation.Operation{}},
		"another abandoned it meanwhile": {[]operation.Operation{o}, []operation.Operation{failed}, failed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := &racing{State: memory.NewState()}
			stored(t, state, c.stands...)
			state.before = func() { stored(t, state.State, c.meanwhile...) }
			if err := newEnder(state).abandon(t.Context(), event(o.UUID, messages.UserCreateResponse{}), "cannot be processed"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, load(t, state, o.UUID)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the database is away", func(t *testing.T) {
		t.Parallel()
		state := memory.NewState()
		state.Fail(sidecar.ErrUnavailable)
		if err := newEnder(state).abandon(t.Context(), event(o.UUID, messages.UserCreateResponse{}), "x"); !errors.Is(err, sidecar.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

// TestBadRecordsBecomeDeadLetters: the good ones around them are processed,
// and an operation that a bad one names fails.
func TestBadRecordsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	s := start(t)
	good, named := accepted(t, s.post(t, `{"name":"hans"}`)), accepted(t, s.post(t, `{"name":"otto"}`))
	bad := strings.Replace(string(response(t, named.UUID, messages.UserCreateResponse{Failure: "x"})), ".v1", ".v9", 1)
	records := [][]byte{
		[]byte("{"),
		response(t, uuid.New(), messages.UserCreateResponse{Failure: "there is no such operation"}),
		response(t, good.UUID, messages.UserCreateResponse{User: hans(good.UUID), Approved: true}),
		[]byte(bad),
		response(t, good.UUID, messages.UserCreateResponse{User: hans(good.UUID)}),
	}
	ok := "SUCCESS"
	if diff := cmp.Diff([]string{ok, ok, ok, ok, ok}, s.deliver(t, records...)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if o := load(t, s.state, good.UUID); o.State != operation.Completed || !*o.Data.Approved {
		t.Errorf("the good one: %+v", o)
	}
	if o := load(t, s.state, named.UUID); o.State != operation.Failed || !strings.Contains(o.Error, "v9") {
		t.Errorf("the bad one: %+v", o)
	}
	var buried []string
	for _, message := range s.broker.Take(string(messages.UserCreateResponseTopic.DeadLetter())) {
		letter, err := messages.DecodeDeadLetter(message.Record)
		if err != nil {
			t.Fatal(err)
		}
		buried = append(buried, string(letter.Record))
	}
	if diff := cmp.Diff([]string{string(records[0]), string(records[1]), bad}, buried); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

func TestEventsAreDeliveredAgainWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	id := accepted(t, s.post(t, `{"name":"hans"}`)).UUID
	record := response(t, id, messages.UserCreateResponse{User: hans(id), Approved: true})
	s.state.Fail(sidecar.ErrUnavailable)
	for range 10 { // more than Attempts: an outage is not the event's fault
		if diff := cmp.Diff([]string{"RETRY"}, s.deliver(t, record)); diff != "" {
			t.Fatalf("statuses (-want +got):\n%s", diff)
		}
	}
	s.state.Fail(nil)
	if diff := cmp.Diff([]string{"SUCCESS"}, s.deliver(t, record)); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if letters := s.broker.Take(string(messages.UserCreateResponseTopic.DeadLetter())); len(letters) > 0 || !load(t, s.state, id).Done() {
		t.Errorf("%d dead letters", len(letters))
	}
}
