package messages_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/messages"
)

func letter() messages.DeadLetter {
	return messages.DeadLetter{
		Topic: messages.UserApproveTopic, Source: "approval-service", Time: made, Reason: "no <reason>",
		OperationID: operation, Key: "key", Record: []byte("\x00\xff record"),
	}
}

func TestDeadLetterWireForm(t *testing.T) {
	t.Parallel()
	record, err := letter().Encode()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"` + letter().ID() + `","source":"approval-service",` +
		`"type":"registration.dead-letter.v1","subject":"6d232092-dceb-419f-bff1-2d686eace56c",` +
		`"time":"2026-11-23T10:20:30.123456789Z","datacontenttype":"application/octet-stream",` +
		`"origin":"user-approve","reason":"no \u003creason\u003e","partitionkey":"key","data_base64":"AP8gcmVjb3Jk"}`
	if diff := cmp.Diff(want, string(record)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestDeadLetterRoundTrip(t *testing.T) {
	t.Parallel()
	anonymous, keyless, empty, every := letter(), letter(), letter(), letter()
	anonymous.OperationID = uuid.Nil
	keyless.Key = ""
	empty.Record = []byte{}
	every.Record = make([]byte, 256)
	for i := range every.Record {
		every.Record[i] = byte(i)
	}
	for name, want := range map[string]messages.DeadLetter{
		"complete": letter(), "no operation": anonymous, "no key": keyless, "empty record": empty, "every byte": every,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := messages.DecodeDeadLetter(record)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("dead letter (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeadLetterID(t *testing.T) {
	t.Parallel()
	again, topic, key, record := letter(), letter(), letter(), letter()
	again.Reason, again.Time, again.Source = "another", deadline, "another"
	topic.Topic, key.Key, record.Record = messages.UserCreateTopic, "", []byte("another")
	if again.ID() != letter().ID() {
		t.Error("a record that is given up again has another id")
	}
	for name, other := range map[string]messages.DeadLetter{"topic": topic, "key": key, "record": record} {
		if other.ID() == letter().ID() {
			t.Errorf("another %s, but the same id", name)
		}
	}
}

func TestDecodeDeadLetterErrors(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]string{
		"empty":               "",
		"not JSON":            "hello",
		"null":                "null",
		"an event":            golden("user-create", `{"name":"hans"}`),
		"unknown version":     `{"specversion":"1.0","type":"registration.dead-letter.v2"}`,
		"unknown specversion": `{"specversion":"2.0","type":"registration.dead-letter.v1"}`,
		"bad base64":          `{"specversion":"1.0","type":"registration.dead-letter.v1","data_base64":"*"}`,
		"bad time":            `{"specversion":"1.0","type":"registration.dead-letter.v1","time":"soon"}`,
	} {
		if got, err := messages.DecodeDeadLetter([]byte(record)); !errors.Is(err, messages.ErrUnprocessable) {
			t.Errorf("%s: got %+v, %v, want ErrUnprocessable", name, got, err)
		}
	}
}
