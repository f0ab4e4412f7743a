package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
	"registration.example/user-service/user"
)

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// bench is a saga on a sidecar in memory.
type bench struct {
	*saga
	state  *racing
	broker *memory.Broker
}

func newBench() *bench {
	return (&bench{state: &racing{State: memory.NewState()}, broker: memory.NewBroker()}).replica()
}

// replica is another replica of the service, on the same state and broker.
func (b *bench) replica() *bench {
	registry := service.NewRegistry()
	return &bench{state: b.state, broker: b.broker, saga: &saga{
		store: store{b.state}, broker: b.broker, users: countUsers(registry),
		metrics: service.NewEventMetrics(registry), logger: slog.New(slog.DiscardHandler),
	}}
}

// other is a replica that does not race: it comes first itself.
func (b *bench) other() *bench {
	other := b.replica()
	other.store = store{b.state.State}
	return other
}

// of is an event with data, on time unless late.
func of[T messages.Payload](id uuid.UUID, late bool, data T) messages.Event[T] {
	deadline := time.Now().Add(time.Hour).UTC()
	if late {
		deadline = time.Now().Add(-time.Second).UTC()
	}
	return messages.Event[T]{
		OperationID: id, Source: "test", Time: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC), Deadline: deadline, TraceParent: trace, Data: data,
	}
}

func created(id uuid.UUID, late bool) messages.Event[messages.UserCreate] {
	return of(id, late, messages.UserCreate{Name: "hans"})
}

func decided(id uuid.UUID, late, approved bool, failure string) messages.Event[messages.UserApproveResponse] {
	return of(id, late, messages.UserApproveResponse{UserID: messages.UserID(id), Approved: approved, Failure: failure})
}

// hans is the user of an operation, as events carry it.
func hans(id uuid.UUID) messages.User {
	return messages.User{UUID: messages.UserID(id), Name: "hans", CreatedAt: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)}
}

// stands gives the state and failure of an operation's user; empty if there is none.
func (b *bench) stands(t *testing.T, id uuid.UUID) string {
	t.Helper()
	found, err := store{b.state.State}.get(t.Context(), messages.UserID(id))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(found[0].State) + " " + found[0].Failure)
}

// sent is what a saga published since the last call.
type sent struct {
	Requests  []messages.UserApprove
	Responses []messages.UserCreateResponse
}

func (b *bench) sent(t *testing.T) sent {
	t.Helper()
	return sent{
		Requests:  take[messages.UserApprove](t, b.broker),
		Responses: take[messages.UserCreateResponse](t, b.broker),
	}
}

// take gives the payloads of what was published on a topic since the last call.
func take[T messages.Payload](t *testing.T, broker *memory.Broker) []T {
	t.Helper()
	var topic T
	var payloads []T
	for _, message := range broker.Take(string(topic.Topic())) {
		event, err := messages.Decode[T](message.Record)
		if err != nil {
			t.Fatalf("published %s: %v", message.Record, err)
		}
		if message.Key != event.OperationID.String() || event.Source != Name || event.TraceParent != trace {
			t.Errorf("published %s with key %s", message.Record, message.Key)
		}
		if u := userOf(event.Data); u != nil && u.UUID != messages.UserID(event.OperationID) {
			t.Errorf("operation %s got the user of another: %s", event.OperationID, message.Record)
		}
		payloads = append(payloads, event.Data)
	}
	return payloads
}

// userOf is the user that an event carries, if any.
func userOf(data any) *messages.User {
	switch d := data.(type) {
	case messages.UserApprove:
		return &d.User
	case messages.UserCreateResponse:
		return d.User
	default:
		return nil
	}
}

func asked(ids ...uuid.UUID) sent {
	var s sent
	for _, id := range ids {
		s.Requests = append(s.Requests, messages.UserApprove{User: hans(id)})
	}
	return s
}

func answered(id uuid.UUID, approved bool, failure string) sent {
	carried := hans(id)
	return sent{Responses: []messages.UserCreateResponse{{User: &carried, Approved: approved, Failure: failure}}}
}

func diff(want, got sent) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// TestCreate: over all states that a user may be in when user-create comes.
func TestCreate(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	cases := map[string]struct {
		before func(*testing.T, *bench)
		late   bool
		stands string
		want   sent
	}{
		"new":         {nil, false, "pending-approval", asked(id)},
		"new, late":   {nil, true, "not-approved deadline passed", answered(id, false, "deadline passed")},
		"redelivered": {createOnTime(id), false, "pending-approval", asked(id)},
		// Nobody knows whether approval-service was asked. It will say that it is too late.
		"redelivered, late by now":           {createOnTime(id), true, "pending-approval", asked(id)},
		"redelivered after approval":         {approve(id), false, "approved", answered(id, true, "")},
		"redelivered after approval, late":   {approve(id), true, "approved", answered(id, true, "")},
		"redelivered after denial":           {deny(id), false, "not-approved", answered(id, false, "")},
		"redelivered after it was abandoned": {abandon(id), false, "not-approved cannot be processed", answered(id, false, "cannot be processed")},
	}
	for name, c := range cases {
		for _, where := range []string{"before", "meanwhile"} {
			t.Run(name+", "+where, func(t *testing.T) {
				t.Parallel()
				b := newBench()
				earlier := func() {
					if c.before != nil {
						c.before(t, b.other())
						b.sent(t)
					}
				}
				if where == "before" {
					earlier()
				} else {
					b.state.before = earlier
				}
				if err := b.create(t.Context(), []messages.Event[messages.UserCreate]{created(id, c.late)}); err != nil {
					t.Fatal(err)
				}
				if got := b.stands(t, id); got != c.stands {
					t.Errorf("the user is %q, want %q", got, c.stands)
				}
				if diff := diff(c.want, b.sent(t)); diff != "" {
					t.Errorf("published (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// What may have happened to an operation before.
func createOnTime(id uuid.UUID) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		if err := b.create(t.Context(), []messages.Event[messages.UserCreate]{created(id, false)}); err != nil {
			t.Error(err)
		}
	}
}

func decide(id uuid.UUID, approved bool, failure string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		createOnTime(id)(t, b)
		if err := b.decide(t.Context(), []messages.Event[messages.UserApproveResponse]{decided(id, false, approved, failure)}); err != nil {
			t.Error(err)
		}
	}
}

func approve(id uuid.UUID) func(*testing.T, *bench) { return decide(id, true, "") }
func deny(id uuid.UUID) func(*testing.T, *bench)    { return decide(id, false, "") }
func abandon(id uuid.UUID) func(*testing.T, *bench) { return decide(id, false, "cannot be processed") }

// TestDecide: over all verdicts and all states that a user may be in when they come.
func TestDecide(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	befores := map[string]struct {
		do     func(*testing.T, *bench)
		stands string // if it stays; empty if the verdict decides
		want   sent
	}{
		"pending":      {createOnTime(id), "", sent{}},
		"approved":     {approve(id), "approved", answered(id, true, "")},
		"not approved": {deny(id), "not-approved", answered(id, false, "")},
		"abandoned":    {abandon(id), "not-approved cannot be processed", answered(id, false, "cannot be processed")},
	}
	verdicts := map[string]struct {
		event  messages.Event[messages.UserApproveResponse]
		stands string
		want   sent
	}{
		"approved":       {decided(id, false, true, ""), "approved", answered(id, true, "")},
		"denied":         {decided(id, false, false, ""), "not-approved", answered(id, false, "")},
		"no verdict":     {decided(id, false, false, "x"), "not-approved x", answered(id, false, "x")},
		"approved, late": {decided(id, true, true, ""), "not-approved deadline passed", answered(id, false, "deadline passed")},
		"denied, late":   {decided(id, true, false, ""), "not-approved deadline passed", answered(id, false, "deadline passed")},
		"none, late":     {decided(id, true, false, "x"), "not-approved x", answered(id, false, "x")},
	}
	for before, first := range befores {
		for name, verdict := range verdicts {
			for _, where := range []string{"before", "meanwhile"} {
				t.Run(fmt.Sprintf("%s, then %s, %s", before, name, where), func(t *testing.T) {
					t.Parallel()
					b := newBench()
					createOnTime(id)(t, b)
					earlier := func() {
						first.do(t, b.other())
						b.sent(t)
					}
					if where == "before" || before == "pending" {
						earlier()
					} else {
						b.state.before = earlier
					}
					want, stands := verdict.want, verdict.stands
					if first.stands != "" {
						want, stands = first.want, first.stands
					}
					if err := b.decide(t.Context(), []messages.Event[messages.UserApproveResponse]{verdict.event}); err != nil {
						t.Fatal(err)
					}
					if got := b.stands(t, id); got != stands {
						t.Errorf("the user is %q, want %q", got, stands)
					}
					if diff := diff(want, b.sent(t)); diff != "" {
						t.Errorf("published (-want +got):\n%s", diff)
					}
				})
			}
		}
	}
}

func TestAVerdictOnAnUnknownUserIsPermanent(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	foreign := decided(id, false, true, "")
	foreign.OperationID = uuid.New() // the user is another operation's
	for name, event := range map[string]messages.Event[messages.UserApproveResponse]{
		"there is no such user":     decided(uuid.New(), false, true, ""),
		"it is another operation's": foreign,
	} {
		b := newBench()
		createOnTime(id)(t, b)
		b.sent(t)
		err := b.decide(t.Context(), []messages.Event[messages.UserApproveResponse]{event})
		if !errors.Is(err, service.ErrPermanent) || b.stands(t, id) != "pending-approval" {
			t.Errorf("%s: %v, the user is %s", name, err, b.stands(t, id))
		}
		if diff := diff(sent{}, b.sent(t)); diff != "" {
			t.Errorf("%s: published (-want +got):\n%s", name, diff)
		}
	}
}

// TestABatch: users that change and users that stay, each with its own answer,
// in one write.
func TestABatch(t *testing.T) {
	t.Parallel()
	b := newBench()
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	var creates []messages.Event[messages.UserCreate]
	for i, id := range ids {
		creates = append(creates, created(id, i == 3)) // the last is late
	}
	if err := b.create(t.Context(), creates); err != nil {
		t.Fatal(err)
	}
	want := asked(ids[:3]...)
	want.Responses = answered(ids[3], false, "deadline passed").Responses
	if diff := diff(want, b.sent(t)); diff != "" {
		t.Errorf("created: published (-want +got):\n%s", diff)
	}
	deny(ids[0])(t, b.other())
	b.sent(t)
	b.state.saved = nil
	if err := b.decide(t.Context(), []messages.Event[messages.UserApproveResponse]{
		decided(ids[0], false, true, ""), decided(ids[1], false, true, ""), decided(ids[3], false, true, ""), decided(ids[2], false, false, ""),
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2}, b.state.saved); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	got := map[uuid.UUID]string{}
	for _, response := range b.sent(t).Responses {
		got[response.User.UUID] = fmt.Sprint(response.Approved, response.Failure)
	}
	if diff := cmp.Diff(map[uuid.UUID]string{
		messages.UserID(ids[0]): "false", messages.UserID(ids[1]): "true", messages.UserID(ids[2]): "false", messages.UserID(ids[3]): "falsedeadline passed",
	}, got); diff != "" {
		t.Errorf("decided: published (-want +got):\n%s", diff)
	}
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	const reason = "cannot be processed"
	cases := map[string]struct {
		before    func(*testing.T, *bench)
		meanwhile func(*testing.T, *bench)
		stands    string
		want      sent
	}{
		"there is no user":           {nil, nil, "", sent{Responses: []messages.UserCreateResponse{{Failure: reason}}}},
		"it is pending":              {createOnTime(id), nil, "not-approved " + reason, answered(id, false, reason)},
		"it is approved":             {approve(id), nil, "approved", answered(id, true, "")},
		"it is denied":               {deny(id), nil, "not-approved", answered(id, false, "")},
		"it is approved meanwhile":   {createOnTime(id), approve(id), "approved", answered(id, true, "")},
		"it was abandoned before":    {abandon(id), nil, "not-approved " + reason, answered(id, false, reason)},
		"it was abandoned meanwhile": {createOnTime(id), abandon(id), "not-approved " + reason, answered(id, false, reason)},
	}
	abandons := map[string]func(*testing.T, *bench) error{
		"user-create": func(t *testing.T, b *bench) error {
			t.Helper()
			return b.abandonCreate(t.Context(), created(id, false), reason)
		},
		"user-approve-response": func(t *testing.T, b *bench) error {
			t.Helper()
			return b.abandonDecide(t.Context(), decided(id, false, true, ""), reason)
		},
	}
	for name, c := range cases {
		for topic, abandon := range abandons {
			t.Run(topic+": "+name, func(t *testing.T) {
				t.Parallel()
				b := newBench()
				if c.before != nil {
					c.before(t, b)
					b.sent(t)
				}
				if c.meanwhile != nil {
					b.state.before = func() {
						c.meanwhile(t, b.other())
						b.sent(t)
					}
				}
				if err := abandon(t, b); err != nil {
					t.Fatal(err)
				}
				if got := b.stands(t, id); got != c.stands {
					t.Errorf("the user is %q, want %q", got, c.stands)
				}
				if diff := diff(c.want, b.sent(t)); diff != "" {
					t.Errorf("published (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestBackendsAway: what fails is done again as a whole, and then there is one
// user and the event is published.
func TestBackendsAway(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	handlers := map[string]struct {
		handle func(*testing.T, *bench) error
		stands string
		want   sent
	}{
		"create": {func(t *testing.T, b *bench) error {
			t.Helper()
			return b.create(t.Context(), []messages.Event[messages.UserCreate]{created(id, false)})
		}, "pending-approval", asked(id)},
		"decide": {func(t *testing.T, b *bench) error {
			t.Helper()
			return b.decide(t.Context(), []messages.Event[messages.UserApproveResponse]{decided(id, false, true, "")})
		}, "approved", answered(id, true, "")},
		"abandon": {func(t *testing.T, b *bench) error {
			t.Helper()
			return b.abandonCreate(t.Context(), created(id, false), "x")
		}, "not-approved x", answered(id, false, "x")},
	}
	failures := map[string]struct {
		fail func(*bench, error)
		err  error
	}{
		"the database is away":             {func(b *bench, err error) { b.state.Fail(err) }, sidecar.ErrUnavailable},
		"the database goes away meanwhile": {func(b *bench, err error) { b.state.before = func() { b.state.Fail(err) } }, sidecar.ErrUnavailable},
		"the broker is away":               {func(b *bench, err error) { b.broker.Fail(err) }, sidecar.ErrBroker},
	}
	for handler, h := range handlers {
		for name, f := range failures {
			t.Run(handler+": "+name, func(t *testing.T) {
				t.Parallel()
				b := newBench()
				if handler != "create" {
					createOnTime(id)(t, b)
					b.sent(t)
				}
				f.fail(b, f.err)
				if err := h.handle(t, b); !errors.Is(err, f.err) {
					t.Errorf("got %v, want %v", err, f.err)
				}
				b.state.Fail(nil)
				b.broker.Fail(nil)
				if diff := diff(sent{}, b.sent(t)); diff != "" {
					t.Errorf("published too early (-want +got):\n%s", diff)
				}
				if err := h.handle(t, b); err != nil || b.stands(t, id) != h.stands || len(b.state.Records()) != 1 {
					t.Errorf("again: %v, the user is %s", err, b.stands(t, id))
				}
				if diff := diff(h.want, b.sent(t)); diff != "" {
					t.Errorf("published (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestDeliveries: both topics, as the sidecar brings them, bad records among them.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	s := start(t)
	id, unreadable := uuid.New(), uuid.New()
	create, _ := messages.Encode(created(id, false))
	noName, _ := messages.Encode(of(unreadable, false, messages.UserCreate{}))
	verdict, _ := messages.Encode(decided(id, false, true, ""))
	nobody, _ := messages.Encode(decided(uuid.New(), false, true, ""))

	deliver(t, s, messages.UserCreateTopic, []byte("no event"), create, noName, create)
	requests := take[messages.UserApprove](t, s.broker)
	if diff := cmp.Diff([]messages.UserApprove{{User: hans(id)}, {User: hans(id)}}, requests); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	responses := take[messages.UserCreateResponse](t, s.broker)
	if len(responses) != 1 || responses[0].User != nil || !strings.Contains(responses[0].Failure, "name is missing") {
		t.Errorf("answered for the bad one: %+v", responses)
	}
	deliver(t, s, messages.UserApproveResponseTopic, nobody, verdict)
	responses = take[messages.UserCreateResponse](t, s.broker)
	if len(responses) != 2 || !responses[0].Approved || responses[1].Failure == "" {
		t.Errorf("answered: %+v", responses)
	}
	for topic, want := range map[messages.Topic]int{messages.UserCreateTopic: 2, messages.UserApproveResponseTopic: 1} {
		if got := len(s.broker.Take(string(topic.DeadLetter()))); got != want {
			t.Errorf("%d dead letters of %s, want %d", got, topic, want)
		}
	}
	if got := read[user.User](t, ask(t, s.clients, http.MethodGet, "/users/"+messages.UserID(id).String()), http.StatusOK); got.State != user.Approved {
		t.Errorf("the user is %+v", got)
	}
}

// deliver brings records to the service as the sidecar does; each must be taken.
func deliver(t *testing.T, s *system, topic messages.Topic, records ...[]byte) {
	t.Helper()
	type entry struct {
		EntryID string `json:"entryId"`
		Event   []byte `json:"event"`
	}
	entries := make([]entry, len(records))
	for i, record := range records {
		entries[i] = entry{EntryID: fmt.Sprint(i), Event: record}
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.EventsPath+string(topic), strings.NewReader(string(body)))
	r.Header.Set("dapr-api-token", testToken)
	w := httptest.NewRecorder()
	s.events.ServeHTTP(w, r)
	answer := read[struct{ Statuses []struct{ Status string } }](t, w.Result(), http.StatusOK)
	if len(answer.Statuses) != len(records) {
		t.Fatalf("%d answers to %d records", len(answer.Statuses), len(records))
	}
	for i, status := range answer.Statuses {
		if status.Status != "SUCCESS" {
			t.Errorf("record %d of %s: %s", i, topic, status.Status)
		}
	}
}
