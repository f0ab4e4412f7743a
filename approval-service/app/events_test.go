package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"registration.example/approval-service/approval"
	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

const (
	trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	delay = 200 * time.Millisecond
)

// newApprover denies, by the default rule, names that begin with "deny".
func newApprover(t *testing.T, broker sidecar.Publisher, delay time.Duration) *approver {
	t.Helper()
	rule, err := approval.NewRule("(?i)^deny")
	if err != nil {
		t.Fatal(err)
	}
	return &approver{rule: rule, delay: delay, broker: broker, counts: countApprovals(service.NewRegistry()), logger: slog.New(slog.DiscardHandler)}
}

// ask makes the event that asks for a verdict within a time.
func ask(name string, within time.Duration) messages.Event[messages.UserApprove] {
	id := uuid.New()
	return messages.Event[messages.UserApprove]{
		OperationID: id, Source: "user-service", Time: time.Now().UTC(), Deadline: time.Now().Add(within).UTC(), TraceParent: trace,
		Data: messages.UserApprove{User: messages.User{UUID: messages.UserID(id), Name: name, CreatedAt: time.Now().UTC()}},
	}
}

// answers gives what was published since the last call.
func answers(t *testing.T, broker *memory.Broker) []messages.Event[messages.UserApproveResponse] {
	t.Helper()
	var events []messages.Event[messages.UserApproveResponse]
	for _, message := range broker.Take(string(messages.UserApproveResponseTopic)) {
		event, err := messages.Decode[messages.UserApproveResponse](message.Record)
		if err != nil {
			t.Fatalf("published %s: %v", message.Record, err)
		}
		if message.Key != event.OperationID.String() {
			t.Errorf("key %q of operation %s", message.Key, event.OperationID)
		}
		events = append(events, event)
	}
	return events
}

// answer is the event that answers request at a time.
func answer(request messages.Event[messages.UserApprove], at time.Time, approved bool, failure string) messages.Event[messages.UserApproveResponse] {
	return messages.Event[messages.UserApproveResponse]{
		OperationID: request.OperationID, Source: Name, Time: at.UTC(), Deadline: request.Deadline, TraceParent: trace,
		Data: messages.UserApproveResponse{UserID: messages.UserID(request.OperationID), Approved: approved, Failure: failure},
	}
}

// TestVerdicts: the clock is the bubble's, so that each takes its exact time.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	type request struct {
		name     string
		within   time.Duration
		after    time.Duration // when it is answered
		approved bool
		failure  string
	}
	const late = approval.DeadlinePassed
	cases := map[string]struct {
		requests []request
		takes    time.Duration
	}{
		"approved":              {[]request{{"hans", time.Hour, delay, true, ""}}, delay},
		"denied":                {[]request{{"Deny-hans", time.Hour, delay, false, ""}}, delay},
		"one after the other":   {[]request{{"a", time.Hour, delay, true, ""}, {"deny", time.Hour, 2 * delay, false, ""}, {"c", time.Hour, 3 * delay, true, ""}}, 3 * delay},
		"too late, at once":     {[]request{{"hans", -1, 0, false, late}, {"deny", -1, 0, false, late}}, 0},
		"at the deadline":       {[]request{{"hans", 0, delay, true, ""}}, delay},
		"too late in the queue": {[]request{{"a", time.Hour, delay, true, ""}, {"b", delay / 2, delay, false, late}, {"c", time.Hour, 2 * delay, true, ""}}, 2 * delay},
		"none":                  {nil, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := memory.NewBroker()
				began := time.Now()
				var batch []messages.Event[messages.UserApprove]
				var want []messages.Event[messages.UserApproveResponse]
				for _, r := range c.requests {
					batch = append(batch, ask(r.name, r.within))
					want = append(want, answer(batch[len(batch)-1], began.Add(r.after), r.approved, r.failure))
				}
				if err := newApprover(t, broker, delay).handle(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != c.takes {
					t.Errorf("took %v, want %v", took, c.takes)
				}
				if diff := cmp.Diff(want, answers(t, broker)); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestTheSameUserGetsTheSameVerdictAgain, under the same event id.
func TestTheSameUserGetsTheSameVerdictAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hans", "deny-hans", "$.\"\x00漢"} {
		broker, request := memory.NewBroker(), ask(name, time.Hour)
		for range 3 {
			if err := newApprover(t, broker, 0).handle(t.Context(), []messages.Event[messages.UserApprove]{request}); err != nil {
				t.Fatal(err)
			}
		}
		got := answers(t, broker)
		for _, again := range got[1:] {
			if diff := cmp.Diff(got[0], again, cmpopts.IgnoreFields(messages.Event[messages.UserApproveResponse]{}, "Time")); diff != "" || again.ID() != got[0].ID() {
				t.Errorf("%q (-first +again):\n%s", name, diff)
			}
		}
	}
}

func TestNothingIsPublishedWhen(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	cases := map[string]struct {
		broker, want error
		stop         time.Duration
		takes        time.Duration
	}{
		"the broker is away":      {sidecar.ErrBroker, sidecar.ErrBroker, time.Hour, 3 * delay},
		"it is stopped meanwhile": {nil, stopped, delay * 3 / 2, delay * 3 / 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				broker := memory.NewBroker()
				broker.Fail(c.broker)
				ctx, cancel := context.WithTimeoutCause(t.Context(), c.stop, stopped)
				defer cancel()
				began := time.Now()
				err := newApprover(t, broker, delay).handle(ctx, []messages.Event[messages.UserApprove]{ask("a", time.Hour), ask("b", time.Hour), ask("c", time.Hour)})
				if took := time.Since(began); !errors.Is(err, c.want) || took != c.takes {
					t.Errorf("after %v: %v, want %v after %v", took, err, c.want, c.takes)
				}
				broker.Fail(nil)
				if got := answers(t, broker); len(got) > 0 {
					t.Errorf("published %+v", got)
				}
			})
		})
	}
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broker, request := memory.NewBroker(), ask("hans", time.Hour)
		unreadable := request
		unreadable.Data = messages.UserApprove{}
		for name, event := range map[string]messages.Event[messages.UserApprove]{"readable": request, "unreadable": unreadable} {
			if err := newApprover(t, broker, delay).abandon(t.Context(), event, "cannot be processed"); err != nil {
				t.Fatal(err)
			}
			want := []messages.Event[messages.UserApproveResponse]{answer(request, time.Now(), false, "cannot be processed")}
			if diff := cmp.Diff(want, answers(t, broker)); diff != "" {
				t.Errorf("%s: answers (-want +got):\n%s", name, diff)
			}
		}
		broker.Fail(sidecar.ErrBroker)
		if err := newApprover(t, broker, delay).abandon(t.Context(), request, "x"); !errors.Is(err, sidecar.ErrBroker) {
			t.Errorf("while the broker is away: %v", err)
		}
	})
}

// TestDelivery: a bulk as the sidecar brings it, bad records in it.
func TestDelivery(t *testing.T) {
	t.Parallel()
	s := start(t)
	good, nameless := ask("hans", time.Hour), ask("", time.Hour)
	type entry struct {
		EntryID string `json:"entryId"`
		Event   []byte `json:"event"`
	}
	entries := []entry{{EntryID: "0", Event: []byte("no event")}}
	for i, event := range []messages.Event[messages.UserApprove]{nameless, good, good} {
		record, err := messages.Encode(event)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{EntryID: fmt.Sprint(i + 1), Event: record})
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(token string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.EventsPath+string(messages.UserApproveTopic), strings.NewReader(string(body)))
		r.Header.Set("dapr-api-token", token)
		w := httptest.NewRecorder()
		s.events.ServeHTTP(w, r)
		return w.Result()
	}
	if got := deliver("another token"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("another token: answered %d", got.StatusCode)
	}
	if got, _ := io.ReadAll(deliver(testToken).Body); strings.Count(string(got), "SUCCESS") != len(entries) {
		t.Errorf("answered %s", got)
	}
	got := map[uuid.UUID]string{}
	for _, event := range answers(t, s.broker) {
		got[event.OperationID] += fmt.Sprintln(event.Data.Approved, event.Data.Failure)
	}
	want := map[uuid.UUID]string{good.OperationID: "true \ntrue \n", nameless.OperationID: "false unprocessable record: data: name is missing\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if letters := s.broker.Take(string(messages.UserApproveTopic.DeadLetter())); len(letters) != 2 {
		t.Errorf("%d dead letters, want 2", len(letters))
	}
}
