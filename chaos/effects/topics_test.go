package effects_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/chaos/effects"
	"registration.example/local/broker"
	"registration.example/messages"
)

func startBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Options{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Topics: broker.Topics(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr()
}

func client(t *testing.T, addr string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := broker.Client(addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// put puts a record on a topic, as often as asked.
func put(t *testing.T, c *kgo.Client, topic messages.Topic, key string, value []byte, times int) {
	t.Helper()
	for range times {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: string(topic), Key: []byte(key), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func encoded[T messages.Payload](t *testing.T, id uuid.UUID, data T) []byte {
	t.Helper()
	record, err := messages.Encode(messages.Event[T]{OperationID: id, Source: "test", Deadline: time.Now().Add(time.Hour), Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func TestReadTopics(t *testing.T) {
	t.Parallel()
	addr := startBroker(t)
	c := client(t, addr)
	id, other := uuid.New(), uuid.New()
	u := messages.User{UUID: messages.UserID(id), Name: "hans"}
	put(t, c, messages.UserCreateTopic, id.String(), encoded(t, id, messages.UserCreate{Name: "hans"}), 2)
	put(t, c, messages.UserApproveTopic, id.String(), encoded(t, id, messages.UserApprove{User: u}), 1)
	put(t, c, messages.UserApproveResponseTopic, id.String(), encoded(t, id, messages.UserApproveResponse{UserID: u.UUID, Approved: true}), 3)
	put(t, c, messages.UserCreateResponseTopic, id.String(), encoded(t, id, messages.UserCreateResponse{User: &u, Approved: true}), 1)
	put(t, c, messages.UserCreateResponseTopic, id.String(), encoded(t, id, messages.UserCreateResponse{Failure: "deadline passed"}), 1)
	put(t, c, messages.UserCreateTopic, "x", []byte("no event"), 1)
	letter, err := messages.DeadLetter{Topic: messages.UserCreateTopic, OperationID: other, Reason: "tired of it"}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, messages.UserCreateTopic.DeadLetter(), "x", letter, 1)

	got, err := effects.ReadTopics(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	strange := strings.Join(got.Strange, "\n")
	if len(got.Strange) != 2 || !strings.Contains(strange, "tired of it") || !strings.Contains(strange, other.String()) || !strings.Contains(strange, "not an event") {
		t.Errorf("strange is %q", strange)
	}
	got.Strange = nil
	want := effects.Published{
		Events: map[string]int{
			id.String() + "/user-create": 2, id.String() + "/user-approve": 1,
			id.String() + "/user-approve-response": 3, id.String() + "/user-create-response": 2,
		},
		Subjects:  map[uuid.UUID]bool{id: true},
		Responses: []effects.Response{{Operation: id, User: u.UUID, Approved: true}, {Operation: id, Failure: "deadline passed"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Duplicates() != 4 {
		t.Errorf("%d duplicates, want 4", got.Duplicates())
	}
}

// Topics without records are read to their end at once.
func TestReadEmptyTopics(t *testing.T) {
	t.Parallel()
	got, err := effects.ReadTopics(t.Context(), startBroker(t))
	if err != nil || len(got.Events)+len(got.Strange) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What a group has not committed is unread, and nothing else.
func TestUnread(t *testing.T) {
	t.Parallel()
	addr := startBroker(t)
	c := client(t, addr)
	want := func(want int64) {
		t.Helper()
		if got, err := effects.Unread(t.Context(), addr); err != nil || got != want {
			t.Errorf("got %d, %v; want %d", got, err, want)
		}
	}
	want(0)
	put(t, c, messages.UserCreateTopic, "x", []byte("x"), 3)
	put(t, c, messages.UserCreateTopic.DeadLetter(), "x", []byte("x"), 1) // nobody's
	want(3)
	ends, err := kadm.NewClient(c).ListEndOffsets(t.Context(), string(messages.UserCreateTopic))
	if err != nil {
		t.Fatal(err)
	}
	var done kadm.Offsets
	ends.Each(func(o kadm.ListedOffset) {
		done.Add(kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: max(0, o.Offset-1)})
	})
	if err := kadm.NewClient(c).CommitAllOffsets(t.Context(), "user-service", done); err != nil {
		t.Fatal(err)
	}
	want(1)
}
