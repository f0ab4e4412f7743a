package verdict_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/chaos/effects"
	"registration.example/chaos/verdict"
	"registration.example/load/ledger"
)

// world is a system with its clients, in which all went well.
type world struct {
	requests  []ledger.Line
	stored    effects.Stored
	published effects.Published
	found     []ledger.Finding
}

// Places of the sagas in a world.
const (
	approved = iota
	denied
	failed
	refused // answered 503, and nothing came of it but a record
	unknown // not answered, and done
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newWorld() *world {
	w := &world{published: effects.Published{Events: map[string]int{}, Subjects: map[uuid.UUID]bool{}}}
	w.add("hans", ledger.Completed, effects.Completed, effects.Approved, "")
	w.add("Deny me", ledger.Completed, effects.Completed, effects.NotApproved, "")
	w.add("late", ledger.Failed, effects.Failed, effects.NotApproved, "deadline passed")
	w.add("refused", ledger.Rejected, "pending", "", "")
	w.add("unknown", ledger.Attempted, effects.Completed, effects.Approved, "")
	w.requests = append(w.requests, ledger.Line{Name: "nothing", State: ledger.Attempted})
	return w
}

// add makes a saga whose client saw one state, while the services stored others.
func (w *world) add(name string, saw ledger.State, operation, user, failure string) {
	id := uuid.New()
	line := ledger.Line{Name: name, State: saw}
	if saw != ledger.Attempted && saw != ledger.Rejected {
		line.ID, line.Ended = id.String(), &start
	}
	w.requests = append(w.requests, line)
	o := effects.Operation{Key: id.String(), ID: id, State: operation, Error: failure}
	o.Data.Name = name
	if user != "" {
		o.Data.User, o.Data.Approved = ledger.UserID(id), user == effects.Approved
		w.stored.Users = append(w.stored.Users, effects.User{
			Key: o.Data.User.String(), ID: o.Data.User, Name: name, Operation: id, State: user, Failure: failure,
		})
		w.published.Subjects[id] = true
		r := effects.Response{Operation: id, User: o.Data.User, Approved: o.Data.Approved, Failure: failure}
		w.published.Responses = append(w.published.Responses, r, r)
	}
	w.stored.Operations = append(w.stored.Operations, o)
}

func (w *world) judge() verdict.Verdict {
	return verdict.Judge(w.requests, w.stored, w.published, w.found)
}

func (w *world) operation(i int) *effects.Operation { return &w.stored.Operations[i] }

func (w *world) user(i int) *effects.User { return &w.stored.Users[i] }

func TestAllWell(t *testing.T) {
	t.Parallel()
	want := verdict.Verdict{Verdict: ledger.Verdict{Attempted: 6, Accepted: 3, Completed: 2, Failed: 1}, Recovered: 1}
	if diff := cmp.Diff(want, newWorld().judge()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every lie is found, as what it is.
func TestLies(t *testing.T) {
	t.Parallel()
	type counts struct{ Lost, Duplicated, Unexpected, Regressed int64 }
	lost, duplicated, unexpected, regressed := counts{Lost: 1}, counts{Duplicated: 1}, counts{Unexpected: 1}, counts{Regressed: 1}
	for name, test := range map[string]struct {
		lie  func(*world)
		want counts
	}{
		"an accepted operation is not stored": {func(w *world) {
			w.stored.Operations = slices.Delete(w.stored.Operations, approved, approved+1)
		}, counts{Lost: 1, Unexpected: 1}}, // and its user is nobody's
		"an accepted operation has not ended": {func(w *world) {
			w.operation(approved).State = "pending"
			w.requests[approved].Ended, w.requests[approved].State = nil, ledger.Accepted
		}, lost},
		"its client never saw its end":         {func(w *world) { w.requests[approved].Ended = nil }, lost},
		"the user of a completed one is away":  {func(w *world) { w.stored.Users = w.stored.Users[1:] }, lost},
		"a saga stands still that began":       {func(w *world) { w.operation(unknown).State = "pending" }, lost},
		"two users for one operation":          {func(w *world) { w.double(approved) }, duplicated},
		"two users, the other's denied":        {func(w *world) { w.double(denied) }, duplicated},
		"a user with an id of its own":         {func(w *world) { w.rename(approved, uuid.New()) }, duplicated},
		"two operations for one request":       {func(w *world) { w.again("hans") }, duplicated},
		"one operation for two requests":       {func(w *world) { w.twice() }, duplicated},
		"a user of no operation":               {func(w *world) { w.user(approved).Operation = uuid.New() }, counts{Lost: 1, Unexpected: 1}},
		"an operation that nobody asked for":   {func(w *world) { w.again("nobody") }, unexpected},
		"approved though denied":               {func(w *world) { w.decide(denied, effects.Approved) }, unexpected},
		"denied though approved":               {func(w *world) { w.decide(approved, effects.NotApproved) }, unexpected},
		"user and operation differ":            {func(w *world) { w.user(approved).State = effects.NotApproved }, unexpected},
		"completed before the user is decided": {func(w *world) { w.user(denied).State = "pending-approval" }, unexpected},
		"failed with an approved user":         {func(w *world) { w.user(failed).Failure = "" }, unexpected},
		"another name":                         {func(w *world) { w.user(approved).Name = "otto" }, unexpected},
		"under another's key":                  {func(w *world) { w.user(approved).Key = "x" }, unexpected},
		"the topic says denied":                {func(w *world) { w.published.Responses[0].Approved = false }, unexpected},
		"a second record says denied":          {func(w *world) { w.published.Responses[1].Approved = false }, unexpected},
		"the topic says failed":                {func(w *world) { w.published.Responses[0].Failure = "deadline passed" }, unexpected},
		"the topic names another user":         {func(w *world) { w.published.Responses[0].User = uuid.New() }, unexpected},
		"ended without a record":               {func(w *world) { w.published.Responses = w.published.Responses[2:] }, unexpected},
		"events of nobody":                     {func(w *world) { w.published.Subjects[uuid.New()] = true }, unexpected},
		"a dead letter":                        {func(w *world) { w.published.Strange = []string{"a dead letter"} }, unexpected},
		"the end changed":                      {func(w *world) { w.requests[failed].State = ledger.Completed }, regressed},
		"the end is gone": {func(w *world) {
			w.operation(approved).State = "pending"
			w.published.Responses = w.published.Responses[2:]
		}, regressed},
		"the clients say so": {func(w *world) {
			w.found = []ledger.Finding{{Kind: verdict.Regressed, Operation: uuid.New(), Detail: "404 after 202"}}
		}, regressed},
		"found twice": {func(w *world) {
			w.found = []ledger.Finding{{Kind: verdict.Duplicated, Operation: w.operation(approved).ID}}
			w.double(approved)
		}, duplicated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			test.lie(w)
			v := w.judge()
			got := counts{v.Lost, v.Duplicated, v.Unexpected, v.Regressed}
			if got != test.want || v.OK() || len(v.Findings) == 0 {
				t.Errorf("got %+v, want %+v: %+v", got, test.want, v.Findings)
			}
		})
	}
}

// double makes a second user for an operation.
func (w *world) double(i int) {
	other := *w.user(i)
	other.ID = uuid.New()
	other.Key = other.ID.String()
	w.stored.Users = append(w.stored.Users, other)
}

// rename gives a user another id, everywhere.
func (w *world) rename(i int, id uuid.UUID) {
	w.user(i).ID, w.user(i).Key, w.operation(i).Data.User = id, id.String(), id
	for r := range w.published.Responses {
		if w.published.Responses[r].Operation == w.operation(i).ID {
			w.published.Responses[r].User = id
		}
	}
}

// again stores a second operation with a name.
func (w *world) again(name string) {
	o := effects.Operation{ID: uuid.New(), State: "pending"}
	o.Key, o.Data.Name = o.ID.String(), name
	w.stored.Operations = append(w.stored.Operations, o)
}

// twice has two clients given one operation.
func (w *world) twice() {
	other := w.requests[approved]
	w.requests = append(w.requests, other)
}

// decide changes a verdict everywhere.
func (w *world) decide(i int, state string) {
	w.user(i).State, w.operation(i).Data.Approved = state, state == effects.Approved
	for r := range w.published.Responses {
		if w.published.Responses[r].Operation == w.operation(i).ID {
			w.published.Responses[r].Approved = state == effects.Approved
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*world)
		want   int
	}{
		"nothing":                  {func(*world) {}, 0},
		"what was pending ends":    {func(w *world) { w.operation(refused).State = effects.Completed }, 0},
		"more comes":               {func(w *world) { w.again("new") }, 0},
		"an end is taken back":     {func(w *world) { w.operation(approved).State = "pending" }, 1},
		"an end changes":           {func(w *world) { w.operation(approved).Data.Approved = false }, 1},
		"an operation is gone":     {func(w *world) { w.stored.Operations = w.stored.Operations[1:] }, 1},
		"a user is pending again":  {func(w *world) { w.user(approved).State = "pending-approval" }, 1},
		"a user is decided anew":   {func(w *world) { w.user(approved).State = effects.NotApproved }, 1},
		"operation and user alike": {func(w *world) { w.decide(denied, effects.Approved) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			var watch verdict.Watch
			watch.See(w.stored)
			before := w.stored
			w.stored.Operations, w.stored.Users = slices.Clone(before.Operations), slices.Clone(before.Users)
			test.change(w)
			watch.See(w.stored)
			watch.See(w.stored)
			if len(watch.Findings) != test.want {
				t.Errorf("found %+v, want %d findings", watch.Findings, test.want)
			}
			for _, f := range watch.Findings {
				if f.Kind != verdict.Regressed {
					t.Errorf("found %+v", f)
				}
			}
		})
	}
}
