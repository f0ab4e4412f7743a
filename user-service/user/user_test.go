package user_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/user-service/user"
)

var (
	id          = uuid.MustParse("0b0e40f2-3f06-5b9d-a0d5-86c0d6d3a9a3")
	operationID = uuid.MustParse("6d232092-dceb-419f-bff1-2d686eace56c")
	created     = time.Date(2026, 11, 23, 18, 53, 43, 0, time.UTC)
	deadline    = created.Add(time.Hour)
)

// times are when an event may come, with whether that is too late.
var times = map[string]struct {
	now  time.Time
	late bool
}{
	"on time":         {created, false},
	"at the deadline": {deadline, false},
	"too late":        {deadline.Add(1), true},
}

func in(state user.State, failure string) user.User {
	return user.User{UUID: id, Name: "hans", CreatedAt: created, OperationID: operationID, State: state, Failure: failure}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, when := range times {
		want := in(user.PendingApproval, "")
		if when.late {
			want = in(user.NotApproved, user.DeadlinePassed)
		}
		got := user.New(id, operationID, "hans", created, deadline, when.now)
		if diff := cmp.Diff(want, got); diff != "" || got.Decided() != when.late {
			t.Errorf("%s: decided %v (-want +got):\n%s", name, got.Decided(), diff)
		}
	}
}

// TestDecide covers all states, verdicts and times.
func TestDecide(t *testing.T) {
	t.Parallel()
	verdicts := map[string]struct {
		verdict      user.Verdict
		onTime, late user.User
	}{
		"approved":         {user.Verdict{Approved: true}, in(user.Approved, ""), in(user.NotApproved, user.DeadlinePassed)},
		"denied":           {user.Verdict{}, in(user.NotApproved, ""), in(user.NotApproved, user.DeadlinePassed)},
		"none":             {user.Verdict{Failure: "x"}, in(user.NotApproved, "x"), in(user.NotApproved, "x")},
		"approved but not": {user.Verdict{Approved: true, Failure: "x"}, in(user.NotApproved, "x"), in(user.NotApproved, "x")},
	}
	users := map[string]user.User{
		"pending": in(user.PendingApproval, ""), "approved": in(user.Approved, ""),
		"not approved": in(user.NotApproved, ""), "failed": in(user.NotApproved, "first"),
	}
	for state, u := range users {
		for name, v := range verdicts {
			for at, when := range times {
				t.Run(state+", "+name+", "+at, func(t *testing.T) {
					t.Parallel()
					want, changes := u, u.State == user.PendingApproval
					switch {
					case changes && when.late:
						want = v.late
					case changes:
						want = v.onTime
					}
					got, changed := u.Decide(v.verdict, deadline, when.now)
					if diff := cmp.Diff(want, got); diff != "" || changed != changes || !got.Decided() {
						t.Errorf("changed %v (-want +got):\n%s", changed, diff)
					}
				})
			}
		}
	}
}

// TestStoredForm: what was stored once must be readable for ever.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	const begin = `{"uuid":"0b0e40f2-3f06-5b9d-a0d5-86c0d6d3a9a3","name":"hans","createdAt":"2026-11-23T18:53:43Z","operationId":"6d232092-dceb-419f-bff1-2d686eace56c",`
	for want, u := range map[string]user.User{
		begin + `"state":"pending-approval"}`:                         in(user.PendingApproval, ""),
		begin + `"state":"approved"}`:                                 in(user.Approved, ""),
		begin + `"state":"not-approved","failure":"deadline passed"}`: in(user.NotApproved, user.DeadlinePassed),
	} {
		got, err := json.Marshal(u)
		if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		var again user.User
		if err := json.Unmarshal(got, &again); err != nil || again != u {
			t.Errorf("%s comes back as %+v: %v", got, again, err)
		}
	}
}
