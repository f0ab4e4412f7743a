package messages_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
)

// FuzzDecode reads each record as each payload: what can be read survives
// being written and read again, what cannot is unprocessable, nothing panics.
func FuzzDecode(f *testing.F) {
	for _, record := range []string{
		"", "null", "{}", `{"specversion":"1.0"}`,
		golden("user-create", `{"name":"hans"}`),
		golden("user-create", `{"name":7}`),
		golden("user-approve", `{"user":`+goldenUser+`}`),
		golden("user-approve-response", `{"userId":"`+hans.UUID.String()+`","approved":true}`),
		golden("user-create-response", `{"user":`+goldenUser+`,"approved":true}`),
		golden("user-create-response", `{"failure":"too late"}`),
	} {
		f.Add([]byte(record))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		decodeAgain[messages.UserCreate](t, record)
		decodeAgain[messages.UserApprove](t, record)
		decodeAgain[messages.UserApproveResponse](t, record)
		decodeAgain[messages.UserCreateResponse](t, record)
	})
}

func decodeAgain[T messages.Payload](t *testing.T, record []byte) {
	t.Helper()
	first, err := messages.Decode[T](record)
	if err != nil {
		if !errors.Is(err, messages.ErrUnprocessable) {
			t.Fatalf("%v is not ErrUnprocessable", err)
		}
		return
	}
	if first.OperationID == uuid.Nil || first.Deadline.IsZero() {
		t.Fatalf("decoded %+v", first)
	}
	encoded, err := messages.Encode(first)
	if err != nil {
		t.Fatalf("decoded, but not encoded: %v", err)
	}
	second, err := messages.Decode[T](encoded)
	if err != nil {
		t.Fatalf("encoded, but not decoded: %v", err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatalf("another event after encoding (-first +second):\n%s", diff)
	}
}

// FuzzDecodeDeadLetter reads any record, and what a dead letter made of it.
func FuzzDecodeDeadLetter(f *testing.F) {
	good, err := letter().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "key")
	f.Add([]byte{}, "")
	f.Add([]byte(`{"specversion":"1.0","type":"registration.dead-letter.v1","subject":"x","data_base64":null}`), "\x00")
	f.Fuzz(func(t *testing.T, record []byte, reason string) {
		if first, err := messages.DecodeDeadLetter(record); err == nil {
			sameLetter(t, first)
		} else if !errors.Is(err, messages.ErrUnprocessable) {
			t.Fatalf("%v is not ErrUnprocessable", err)
		}
		buried := letter()
		buried.Record, buried.Reason = record, string([]rune(reason)) // JSON holds no invalid UTF-8
		sameLetter(t, buried)
	})
}

func sameLetter(t *testing.T, want messages.DeadLetter) {
	t.Helper()
	record, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := messages.DecodeDeadLetter(record)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("dead letter (-want +got):\n%s", diff)
	}
}
