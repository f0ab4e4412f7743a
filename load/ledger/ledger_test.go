package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// book makes a ledger that samples everything, and an accepted entry in it.
func book(t *testing.T, deny bool) (*Ledger, *Entry) {
	t.Helper()
	l := New(Options{Sample: 10, Random: rand.New(rand.NewPCG(1, 1))})
	return l, admit(l, deny)
}

func admit(l *Ledger, deny bool) *Entry {
	e := &Entry{Name: "hans", Deny: deny, Sampled: true, Attempts: 1, Intended: noon, Sent: noon.Add(time.Millisecond)}
	l.Attempt(e)
	l.Accept(e, uuid.New(), noon.Add(3*time.Millisecond))
	return e
}

// right is how e has to end.
func right(e *Entry) Seen {
	return Seen{State: Completed, Approved: !e.Deny, User: UserID(e.ID)}
}

// TestVerdict drives one operation through each way to end.
func TestVerdict(t *testing.T) {
	t.Parallel()
	end := func(l *Ledger, e *Entry, s Seen) { l.End(e, s, noon.Add(20*time.Millisecond)) }
	tests := map[string]struct {
		deny bool
		do   func(l *Ledger, e *Entry)
		want Verdict
	}{
		"approved":     {do: func(l *Ledger, e *Entry) { end(l, e, right(e)) }, want: Verdict{Completed: 1}},
		"denied":       {deny: true, do: func(l *Ledger, e *Entry) { end(l, e, right(e)) }, want: Verdict{Completed: 1}},
		"never ended":  {do: func(*Ledger, *Entry) {}, want: Verdict{Lost: 1}},
		"failed early": {do: func(l *Ledger, e *Entry) { end(l, e, Seen{State: Failed}) }, want: Verdict{Failed: 1}},
		"failed late": {
			do:   func(l *Ledger, e *Entry) { end(l, e, Seen{State: Failed, User: UserID(e.ID)}) },
			want: Verdict{Failed: 1},
		},
		"approved although denied": {
			deny: true,
			do:   func(l *Ledger, e *Entry) { s := right(e); s.Approved = true; end(l, e, s) },
			want: Verdict{Completed: 1, Unexpected: 1},
		},
		"denied although approved": {
			do:   func(l *Ledger, e *Entry) { s := right(e); s.Approved = false; end(l, e, s) },
			want: Verdict{Completed: 1, Unexpected: 1},
		},
		"another user": {
			do:   func(l *Ledger, e *Entry) { s := right(e); s.User = uuid.New(); end(l, e, s) },
			want: Verdict{Completed: 1, Duplicated: 1},
		},
		"no user": {
			do:   func(l *Ledger, e *Entry) { s := right(e); s.User = uuid.Nil; end(l, e, s) },
			want: Verdict{Completed: 1, Duplicated: 1},
		},
		"gone twice, then ended": {
			do:   func(l *Ledger, e *Entry) { l.Gone(e); l.Gone(e); end(l, e, right(e)) },
			want: Verdict{Completed: 1, Regressed: 1},
		},
		"the same when looked at again": {
			do:   func(l *Ledger, e *Entry) { end(l, e, right(e)); l.LookAgain(e, right(e)) },
			want: Verdict{Completed: 1},
		},
		"pending when looked at again": {
			do: func(l *Ledger, e *Entry) {
				end(l, e, right(e))
				s := right(e)
				s.State = Accepted
				l.LookAgain(e, s)
			},
			want: Verdict{Completed: 1, Regressed: 1},
		},
		"denied when looked at again": {
			do: func(l *Ledger, e *Entry) {
				end(l, e, right(e))
				s := right(e)
				s.Approved = false
				l.LookAgain(e, s)
			},
			want: Verdict{Completed: 1, Regressed: 1},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, e := book(t, test.deny)
			test.do(l, e)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			test.want.Attempted, test.want.Accepted = 1, 1
			if diff := cmp.Diff(test.want, l.Verdict()); diff != "" {
				t.Error(diff)
			}
			wrong := test.want.Lost + test.want.Duplicated + test.want.Unexpected + test.want.Regressed
			if got := len(l.Findings()); int64(got) != wrong || l.Verdict().OK() != (wrong == 0) {
				t.Errorf("%d findings, OK %t, want %d", got, l.Verdict().OK(), wrong)
			}
		})
	}
}

func TestOneIDForTwoRequests(t *testing.T) {
	t.Parallel()
	l, first := book(t, false)
	second := &Entry{Name: "grete"}
	l.Attempt(second)
	l.Accept(second, first.ID, noon)
	if got := l.Counts().Duplicated; got != 1 {
		t.Errorf("%d duplicates, want 1", got)
	}
}

func TestCheckUser(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		bend func(*User)
		want Counts
	}{
		"right":              {bend: func(*User) {}},
		"missing":            {bend: func(u *User) { u.Exists = false }, want: Counts{Unexpected: 1}},
		"of another":         {bend: func(u *User) { u.Operation = uuid.New() }, want: Counts{Duplicated: 1}},
		"still pending":      {bend: func(u *User) { u.State = "pending-approval" }, want: Counts{Unexpected: 1}},
		"denied":             {bend: func(u *User) { u.State = "not-approved" }, want: Counts{Unexpected: 1}},
		"under another name": {bend: func(u *User) { u.Name = "fritz" }, want: Counts{Unexpected: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, e := book(t, false)
			l.End(e, right(e), noon)
			u := User{Exists: true, Name: e.Name, State: "approved", Operation: e.ID}
			test.bend(&u)
			l.CheckUser(e, u)
			got := l.Counts()
			if got.UsersChecked != 1 || got.Unexpected != test.want.Unexpected || got.Duplicated != test.want.Duplicated {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestNotAccepted: an unknown outcome outweighs every later refusal.
func TestNotAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		doubt bool
		last  State
		want  State
	}{
		"rejected":                    {last: Rejected, want: Rejected},
		"refused":                     {last: Refused, want: Refused},
		"no answer":                   {doubt: true, last: Attempted, want: Attempted},
		"no answer, then rejected":    {doubt: true, last: Rejected, want: Attempted},
		"no answer, then bad request": {doubt: true, last: Refused, want: Attempted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, e := New(Options{}), &Entry{}
			l.Attempt(e)
			if test.doubt {
				l.Doubt(e, true)
			}
			l.GiveUp(e, test.last)
			c := l.Counts()
			if e.State != test.want || l.Open() != 0 || c.Rejected+c.Refused+c.Unknown != 1 {
				t.Errorf("state %s, want %s; counts %+v", e.State, test.want, c)
			}
		})
	}
}

func TestVerdictLine(t *testing.T) {
	t.Parallel()
	v := Verdict{Attempted: 8, Accepted: 7, Completed: 6, Failed: 5, Lost: 4, Duplicated: 3, Unexpected: 2, Regressed: 1}
	want := "attempted 8 accepted 7 completed 6 failed 5 lost 4 duplicated-effects 3 unexpected 2 regressed 1"
	if got := v.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSampleIsFair(t *testing.T) {
	t.Parallel()
	l := New(Options{Sample: 100, Random: rand.New(rand.NewPCG(7, 7))})
	for i := range 1000 {
		e := admit(l, false)
		e.Seq = int64(i)
		l.End(e, right(e), noon)
	}
	early := 0
	for _, e := range l.Sample() {
		if e.Seq < 500 {
			early++
		}
	}
	if len(l.Sample()) != 100 || early < 30 || early > 70 {
		t.Errorf("%d sampled, %d of them from the first half", len(l.Sample()), early)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := New(Options{Journal: &out})
	ended, lost := admit(l, false), admit(l, false)
	never := &Entry{Name: "grete", Key: "k", Attempts: 3, Sent: noon}
	l.Attempt(never)
	l.GiveUp(never, Rejected)
	l.End(ended, right(ended), noon.Add(20*time.Millisecond))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	accepted, end := noon.Add(3*time.Millisecond), noon.Add(20*time.Millisecond)
	attempted := noon.Add(time.Millisecond)
	want := []Line{
		{Key: "k", Name: "grete", State: Rejected, Attempts: 3, Attempted: noon},
		{
			ID: ended.ID.String(), Name: "hans", State: Completed, Attempts: 1, Attempted: attempted,
			Accepted: &accepted, Ended: &end, AcceptMS: 3, SagaMS: 20, Sampled: true,
		},
		{
			ID: lost.ID.String(), Name: "hans", State: Accepted, Attempts: 1, Attempted: attempted,
			Accepted: &accepted, AcceptMS: 3, Sampled: true,
		},
	}
	var got []Line
	for text := range strings.Lines(out.String()) {
		var line Line
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// brokenWriter is a full disk.
type brokenWriter struct{}

var errFull = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestJournalErrorIsReported(t *testing.T) {
	t.Parallel()
	l := New(Options{Journal: brokenWriter{}})
	e := admit(l, false)
	l.End(e, right(e), noon)
	if err := l.Close(); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestIDSetForgetsOnlyTheOld(t *testing.T) {
	t.Parallel()
	var s idSet
	first := uuid.New()
	if !s.add(first) || s.add(first) {
		t.Fatal("an id is new once")
	}
	s.old, s.young = s.young, nil
	if s.add(first) {
		t.Error("the generation before is forgotten")
	}
}
