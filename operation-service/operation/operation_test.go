package operation_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/operation-service/operation"
)

var (
	id      = uuid.MustParse("6d232092-dceb-419f-bff1-2d686eace56c")
	userID  = uuid.MustParse("0b0e40f2-3f06-5b9d-a0d5-86c0d6d3a9a3")
	created = time.Date(2026, 11, 23, 18, 53, 43, 127_999_999, time.FixedZone("CET", 3600))
	later   = created.Add(time.Second)
)

func pending() operation.Operation {
	return operation.New(id, "hans", created, time.Hour, "00-trace")
}

func TestNew(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 17, 53, 43, 127_000_000, time.UTC)
	want := operation.Operation{
		UUID: id, Type: "user-create", State: operation.Pending, CreatedAt: at, Deadline: at.Add(time.Hour),
		TraceParent: "00-trace", Data: operation.Data{Name: "hans"},
	}
	if diff := cmp.Diff(want, pending()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if pending().Done() {
		t.Error("it is done")
	}
}

// outcomes are all ways in which a saga ends.
func outcomes() map[string]operation.Outcome {
	return map[string]operation.Outcome{
		"approved":            {UserID: userID, CreatedAt: later, Approved: true},
		"not approved":        {UserID: userID, CreatedAt: later},
		"failed with a user":  {UserID: userID, CreatedAt: later, Failure: "deadline passed"},
		"failed without":      {Failure: "not an event"},
		"failed and approved": {UserID: userID, CreatedAt: later, Approved: true, Failure: "deadline passed"},
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	withUser := func(o *operation.Operation) { o.Data.UUID, o.Data.CreatedAt = &userID, &later }
	want := map[string]func(*operation.Operation){
		"approved": func(o *operation.Operation) {
			withUser(o)
			o.State, o.Data.Approved, o.Response = operation.Completed, &yes, &operation.Response{State: operation.Completed}
		},
		"not approved": func(o *operation.Operation) {
			withUser(o)
			o.State, o.Data.Approved = operation.Completed, &no
			o.Response = &operation.Response{State: operation.Failed, Error: "approval failed"}
		},
		"failed with a user": func(o *operation.Operation) {
			withUser(o)
			o.State, o.Error = operation.Failed, "deadline passed"
		},
		"failed without": func(o *operation.Operation) { o.State, o.Error = operation.Failed, "not an event" },
		"failed and approved": func(o *operation.Operation) {
			withUser(o)
			o.State, o.Error = operation.Failed, "deadline passed"
		},
	}
	for name, outcome := range outcomes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := pending()
			want[name](&ended)
			got, changed := pending().End(outcome)
			if diff := cmp.Diff(ended, got); diff != "" || !changed || !got.Done() {
				t.Fatalf("changed %v (-want +got):\n%s", changed, diff)
			}
			for second, outcome := range outcomes() {
				again, changed := got.End(outcome)
				if diff := cmp.Diff(ended, again); diff != "" || changed {
					t.Errorf("then %s: changed %v (-want +got):\n%s", second, changed, diff)
				}
			}
		})
	}
	if diff := cmp.Diff(operation.New(id, "hans", created, time.Hour, "00-trace"), pending()); diff != "" {
		t.Errorf("the operation itself changed:\n%s", diff)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	otherType := pending()
	otherType.Type = "user-delete"
	ended, _ := pending().End(operation.Outcome{Failure: "x"})
	cases := map[string]struct {
		other operation.Operation
		want  bool
	}{
		"itself":          {pending(), true},
		"when it ended":   {ended, true},
		"of another time": {operation.New(uuid.New(), "hans", later, time.Minute, ""), true},
		"another name":    {operation.New(id, "Hans", created, time.Hour, "00-trace"), false},
		"another type":    {otherType, false},
	}
	for name, c := range cases {
		if got := pending().Same(c.other); got != c.want || c.other.Same(pending()) != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		name string
		want error
	}{
		"empty":         {"", operation.ErrNameEmpty},
		"one":           {"a", nil},
		"a space":       {" ", nil},
		"control":       {"\x00", nil},
		"256":           {strings.Repeat("a", 256), nil},
		"257":           {strings.Repeat("a", 257), operation.ErrNameTooLong},
		"256 hedgehogs": {strings.Repeat("🦔", 256), nil},
		"257 hedgehogs": {strings.Repeat("🦔", 257), operation.ErrNameTooLong},
	}
	for name, c := range cases {
		if got := operation.CheckName(c.name); !errors.Is(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestStoredForm: what was stored once must be readable for ever.
func TestStoredForm(t *testing.T) {
	t.Parallel()
	ended, _ := pending().End(outcomes()["not approved"])
	for name, c := range map[string]struct {
		operation operation.Operation
		want      string
	}{
		"pending": {pending(), `{"uuid":"6d232092-dceb-419f-bff1-2d686eace56c","type":"user-create","state":"pending","createdAt":"2026-11-23T17:53:43.127Z",` +
			`"deadline":"2026-11-23T18:53:43.127Z","traceparent":"00-trace","data":{"name":"hans"}}`},
		"ended": {ended, `{"uuid":"6d232092-dceb-419f-bff1-2d686eace56c","type":"user-create","state":"completed","createdAt":"2026-11-23T17:53:43.127Z",` +
			`"deadline":"2026-11-23T18:53:43.127Z","traceparent":"00-trace","data":{"name":"hans","uuid":"0b0e40f2-3f06-5b9d-a0d5-86c0d6d3a9a3",` +
			`"createdAt":"2026-11-23T18:53:44.127999999+01:00","approved":false},"response":{"state":"failed","error":"approval failed"}}`},
	} {
		got, err := json.Marshal(c.operation)
		if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		var again operation.Operation
		if err := json.Unmarshal(got, &again); err != nil || cmp.Diff(c.operation, again) != "" {
			t.Errorf("%s comes back as %+v: %v", name, again, err)
		}
	}
}
