package messages_test

import (
	"testing"

	"registration.example/messages"
)

func BenchmarkEncode(b *testing.B) {
	e := event(messages.UserApprove{User: hans})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := messages.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	record, err := messages.Encode(event(messages.UserApprove{User: hans}))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := messages.Decode[messages.UserApprove](record); err != nil {
			b.Fatal(err)
		}
	}
}
