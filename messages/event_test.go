package messages_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
)

var (
	operation = uuid.MustParse("6d232092-dceb-419f-bff1-2d686eace56c")
	made      = time.Date(2026, 11, 23, 10, 20, 30, 123456789, time.UTC)
	deadline  = made.Add(time.Hour)
	hans      = messages.User{UUID: messages.UserID(operation), Name: "hans", CreatedAt: made}
)

const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func event[T messages.Payload](data T) messages.Event[T] {
	return messages.Event[T]{
		OperationID: operation, Source: "test-service", Time: made, Deadline: deadline, TraceParent: trace, Data: data,
	}
}

// golden is an event's record with gaps for what differs between topics.
func golden(topic, data string) string {
	return `{"specversion":"1.0","id":"6d232092-dceb-419f-bff1-2d686eace56c/` + topic + `","source":"test-service",` +
		`"type":"registration.` + topic + `.v1","subject":"6d232092-dceb-419f-bff1-2d686eace56c",` +
		`"time":"2026-11-23T10:20:30.123456789Z","datacontenttype":"application/json",` +
		`"deadline":"2026-11-23T11:20:30.123456789Z","traceparent":"` + trace + `","data":` + data + `}`
}

const goldenUser = `{"uuid":"3d3098c5-fac3-5100-b38d-dc6003361c6f","name":"hans","createdAt":"2026-11-23T10:20:30.123456789Z"}`

// TestWireForm holds the bytes on the topics: services of two versions run side
// by side, so that a change here is a change of the contract.
func TestWireForm(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*testing.T){
		"user-create": func(t *testing.T) {
			wireForm(t, messages.UserCreate{Name: "hans"}, golden("user-create", `{"name":"hans"}`))
		},
		"user-approve": func(t *testing.T) {
			wireForm(t, messages.UserApprove{User: hans}, golden("user-approve", `{"user":`+goldenUser+`}`))
		},
		"user-approve-response": func(t *testing.T) {
			wireForm(t, messages.UserApproveResponse{UserID: hans.UUID, Approved: true},
				golden("user-approve-response", `{"userId":"`+hans.UUID.String()+`","approved":true}`))
		},
		"user-approve-response without verdict": func(t *testing.T) {
			wireForm(t, messages.UserApproveResponse{UserID: hans.UUID, Failure: "too late"},
				golden("user-approve-response", `{"userId":"`+hans.UUID.String()+`","approved":false,"failure":"too late"}`))
		},
		"user-create-response": func(t *testing.T) {
			wireForm(t, messages.UserCreateResponse{User: &hans, Approved: true},
				golden("user-create-response", `{"user":`+goldenUser+`,"approved":true}`))
		},
		"user-create-response without user": func(t *testing.T) {
			wireForm(t, messages.UserCreateResponse{Failure: "too late"},
				golden("user-create-response", `{"approved":false,"failure":"too late"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

func wireForm[T messages.Payload](t *testing.T, data T, want string) {
	t.Helper()
	e := event(data)
	record, err := messages.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(record)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	decoded, err := messages.Decode[T]([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, decoded); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestRoundTripKeepsText(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hans", `"quoted" \ <b>&amp;`, "$x", "漢字", "👩‍👩‍👧", "مرحبا", "a\x00\x1f\u2028", strings.Repeat("ñ", 256)} {
		record, err := messages.Encode(event(messages.UserCreate{Name: name}))
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := messages.Decode[messages.UserCreate](record)
		if err != nil || decoded.Data.Name != name {
			t.Errorf("%q came back as %q: %v", name, decoded.Data.Name, err)
		}
	}
}

func TestEncodeRefusesWhatJSONCannotHold(t *testing.T) {
	t.Parallel()
	e := event(messages.UserCreate{Name: "hans"})
	e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if record, err := messages.Encode(e); err == nil {
		t.Fatalf("encoded: %s", record)
	}
}

// edit replaces one part of a good user-create record.
func edit(old, replacement string) string {
	good := golden("user-create", `{"name":"hans"}`)
	if !strings.Contains(good, old) {
		panic("no " + old + " in " + good)
	}
	return strings.Replace(good, old, replacement, 1)
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	const subject = `"subject":"6d232092-dceb-419f-bff1-2d686eace56c"`
	for name, test := range map[string]struct {
		record string
		// unreadable says that the record does not tell its operation.
		unreadable bool
	}{
		"empty":                    {record: "", unreadable: true},
		"not JSON":                 {record: "hello", unreadable: true},
		"cut off":                  {record: edit(`"data":{"name":"hans"}}`, ""), unreadable: true},
		"two documents":            {record: "{}{}", unreadable: true},
		"bytes":                    {record: "\x00\xff\xfe", unreadable: true},
		"null":                     {record: "null", unreadable: true},
		"a list":                   {record: "[]", unreadable: true},
		"an empty object":          {record: "{}", unreadable: true},
		"no subject":               {record: edit(subject+",", ""), unreadable: true},
		"subject is no UUID":       {record: edit(subject, `"subject":"hans"`), unreadable: true},
		"subject is no text":       {record: edit(subject, `"subject":7`), unreadable: true},
		"subject is the nil id":    {record: edit(subject, `"subject":"00000000-0000-0000-0000-000000000000"`), unreadable: true},
		"everything is the nil id": {record: strings.ReplaceAll(edit("hans", "hans"), operation.String(), uuid.Nil.String()), unreadable: true},
		"subject is upper case":    {record: edit(subject, strings.ReplaceAll(strings.ToUpper(subject), "SUBJECT", "subject")), unreadable: true},
		"subject is a URN":         {record: edit(subject, `"subject":"urn:uuid:6d232092-dceb-419f-bff1-2d686eace56c"`), unreadable: true},
		"unknown specversion":      {record: edit(`"specversion":"1.0"`, `"specversion":"0.3"`)},
		"no specversion":           {record: edit(`"specversion":"1.0",`, ``)},
		"specversion is no text":   {record: edit(`"specversion":"1.0"`, `"specversion":1.0`)},
		"unknown type":             {record: edit(`registration.user-create.v1`, `registration.user-delete.v1`)},
		"unknown version":          {record: edit(`registration.user-create.v1`, `registration.user-create.v2`)},
		"another topic's event":    {record: golden("user-approve", `{"user":`+goldenUser+`}`)},
		"no id":                    {record: edit(`"id":"6d232092-dceb-419f-bff1-2d686eace56c/user-create",`, ``)},
		"id of another step":       {record: edit(`6c/user-create"`, `6c/user-approve"`)},
		"id of another saga":       {record: edit(`"id":"6d`, `"id":"7d`)},
		"time is no time":          {record: edit(`"time":"2026-11-23T10:20:30.123456789Z"`, `"time":"yesterday"`)},
		"no deadline":              {record: edit(`"deadline":"2026-11-23T11:20:30.123456789Z",`, ``)},
		"deadline is null":         {record: edit(`"deadline":"2026-11-23T11:20:30.123456789Z"`, `"deadline":null`)},
		"deadline is no time":      {record: edit(`"deadline":"2026-11-23T11:20:30.123456789Z"`, `"deadline":"soon"`)},
		"no data":                  {record: edit(`,"data":{"name":"hans"}`, ``)},
		"data is null":             {record: edit(`{"name":"hans"}`, `null`)},
		"data is a text":           {record: edit(`{"name":"hans"}`, `"hans"`)},
		"name is a number":         {record: edit(`{"name":"hans"}`, `{"name":7}`)},
		"name is empty":            {record: edit(`{"name":"hans"}`, `{"name":""}`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := messages.Decode[messages.UserCreate]([]byte(test.record))
			if !errors.Is(err, messages.ErrUnprocessable) {
				t.Fatalf("got %v, want ErrUnprocessable", err)
			}
			want := operation
			if test.unreadable {
				want = uuid.Nil
			}
			if e.OperationID != want {
				t.Errorf("operation %v, want %v", e.OperationID, want)
			}
		})
	}
}

// TestSalvage: who ends the operation of a record with unreadable data needs
// its deadline and trace too.
func TestSalvage(t *testing.T) {
	t.Parallel()
	want := messages.Event[messages.UserCreate]{OperationID: operation, Deadline: deadline, TraceParent: trace}
	for name, record := range map[string]string{
		"bad data":   edit(`{"name":"hans"}`, `[]`),
		"bad time":   edit(`"time":"2026-11-23T10:20:30.123456789Z"`, `"time":"yesterday"`),
		"bad source": edit(`"source":"test-service"`, `"source":{}`),
	} {
		got, err := messages.Decode[messages.UserCreate]([]byte(record))
		if err == nil {
			t.Errorf("%s: decoded", name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestUnknownFieldsAreTolerated(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{
		"attribute": edit(`"source"`, `"tenant":{"id":7},"source"`),
		"in data":   edit(`"name":"hans"`, `"name":"hans","email":"hans@example.org"`),
	} {
		got, err := messages.Decode[messages.UserCreate]([]byte(record))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(event(messages.UserCreate{Name: "hans"}), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
