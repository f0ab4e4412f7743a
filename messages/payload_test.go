package messages_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
)

// TestValidation sends every payload through its encoding: what is incomplete
// must not reach a consumer.
func TestValidation(t *testing.T) {
	t.Parallel()
	nameless, idless := hans, hans
	nameless.Name, idless.UUID = "", uuid.Nil
	for name, test := range map[string]struct {
		decode func() error
		valid  bool
	}{
		"create":                            {decode: decoded(messages.UserCreate{Name: "hans"}), valid: true},
		"create without name":               {decode: decoded(messages.UserCreate{})},
		"approve":                           {decode: decoded(messages.UserApprove{User: hans}), valid: true},
		"approve a user without creation":   {decode: decoded(messages.UserApprove{User: messages.User{UUID: hans.UUID, Name: "hans"}}), valid: true},
		"approve nobody":                    {decode: decoded(messages.UserApprove{})},
		"approve without name":              {decode: decoded(messages.UserApprove{User: nameless})},
		"approve without id":                {decode: decoded(messages.UserApprove{User: idless})},
		"verdict":                           {decode: decoded(messages.UserApproveResponse{UserID: hans.UUID}), valid: true},
		"verdict on nobody":                 {decode: decoded(messages.UserApproveResponse{Approved: true})},
		"no verdict on nobody":              {decode: decoded(messages.UserApproveResponse{Failure: "too late"})},
		"end":                               {decode: decoded(messages.UserCreateResponse{User: &hans}), valid: true},
		"end with a user and a failure":     {decode: decoded(messages.UserCreateResponse{User: &hans, Failure: "too late"}), valid: true},
		"end without user":                  {decode: decoded(messages.UserCreateResponse{Failure: "too late"}), valid: true},
		"end without user or failure":       {decode: decoded(messages.UserCreateResponse{})},
		"end with an incomplete user":       {decode: decoded(messages.UserCreateResponse{User: &nameless})},
		"failed end with incomplete user":   {decode: decoded(messages.UserCreateResponse{User: &idless, Failure: "too late"})},
		"verdict approved despite failure":  {decode: decoded(messages.UserApproveResponse{UserID: hans.UUID, Failure: "too late"}), valid: true},
		"end approved without anybody":      {decode: decoded(messages.UserCreateResponse{Approved: true})},
		"create with a name of blanks only": {decode: decoded(messages.UserCreate{Name: " "}), valid: true}, // the REST door judges names
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.decode()
			if test.valid && err != nil || !test.valid && !errors.Is(err, messages.ErrUnprocessable) {
				t.Fatalf("valid: %v, got error %v", test.valid, err)
			}
		})
	}
}

func decoded[T messages.Payload](data T) func() error {
	return func() error {
		record, err := messages.Encode(event(data))
		if err != nil {
			return err
		}
		_, err = messages.Decode[T](record)
		return err
	}
}

// TestDerivedIDs holds ids that databases and clients remember: another value
// would make a second user or operation after an update.
func TestDerivedIDs(t *testing.T) {
	t.Parallel()
	letter := messages.DeadLetter{Topic: messages.UserCreateTopic, Key: "key", Record: []byte("record")}
	got := map[string]string{
		"event":            event(messages.UserCreate{}).ID(),
		"user":             messages.UserID(operation).String(),
		"operation":        messages.OperationID("my-key").String(),
		"operation of ''":  messages.OperationID("").String(),
		"dead letter":      letter.ID(),
		"trace":            messages.StartTrace(operation),
		"dead-letter name": string(messages.UserCreateTopic.DeadLetter()),
	}
	want := map[string]string{
		"event":            "6d232092-dceb-419f-bff1-2d686eace56c/user-create",
		"user":             "3d3098c5-fac3-5100-b38d-dc6003361c6f",
		"operation":        "01799ff1-f0b5-5bdb-b7f3-63b6af3c0153",
		"operation of ''":  "6ca1342e-23e0-534b-ad53-d25b5459cffa",
		"dead letter":      "cb2e87bd-aa2b-5511-924f-e3baa4e33eeb",
		"trace":            "00-6d232092dceb419fbff12d686eace56c-bff12d686eace56c-00",
		"dead-letter name": "user-create-dead-letter",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	want := []messages.Topic{"user-create", "user-approve", "user-approve-response", "user-create-response"}
	if diff := cmp.Diff(want, messages.Topics()); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	got := []messages.Topic{
		messages.UserCreate{}.Topic(), messages.UserApprove{}.Topic(),
		messages.UserApproveResponse{}.Topic(), messages.UserCreateResponse{}.Topic(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics of the payloads (-want +got):\n%s", diff)
	}
}

func TestTraceContext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, id string }{
		"valid":                   {text: trace, id: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"started here":            {text: messages.StartTrace(operation), id: "6d232092dceb419fbff12d686eace56c"},
		"unknown flags":           {text: trace[:53] + "ff", id: "4bf92f3577b34da6a3ce929d0e0e4736"},
		"empty":                   {text: ""},
		"cut off":                 {text: trace[:54]},
		"continued":               {text: trace + "-00"},
		"line behind":             {text: trace + "\n"},
		"unknown version":         {text: "01" + trace[2:]},
		"upper case":              {text: "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"},
		"right length, no digits": {text: "00-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-zzzzzzzzzzzzzzzz-zz"},
		"all-zero trace":          {text: "00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
		"all-zero parent":         {text: "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := messages.ValidTraceParent(test.text), test.id != ""; got != want {
				t.Errorf("valid: %v, want %v", got, want)
			}
			if got := messages.TraceID(test.text); got != test.id {
				t.Errorf("trace id %q, want %q", got, test.id)
			}
		})
	}
}

// TestTimeKeepsItsInstant: another service may write times with an offset.
func TestTimeKeepsItsInstant(t *testing.T) {
	t.Parallel()
	e := event(messages.UserCreate{Name: "hans"})
	e.Deadline = deadline.In(time.FixedZone("", 5*60*60+30*60))
	record, err := messages.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := messages.Decode[messages.UserCreate](record)
	if err != nil || !got.Deadline.Equal(deadline) {
		t.Fatalf("deadline %v, want %v: %v", got.Deadline, deadline, err)
	}
}
