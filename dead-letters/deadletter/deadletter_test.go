package deadletter_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/dead-letters/deadletter"
	"registration.example/messages"
)

// open gives a box at a broker of the test's own.
func open(t *testing.T) (*deadletter.Box, *kgo.Client) {
	t.Helper()
	options := []kfake.Opt{kfake.NumBrokers(1)}
	for _, topic := range messages.Topics() {
		options = append(options, kfake.SeedTopics(2, string(topic)), kfake.SeedTopics(1, string(topic.DeadLetter())))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(string(messages.UserCreateTopic)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	box, err := deadletter.Open(t.Context(), deadletter.Kafka{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	return box, client
}

func letter(key, record string) messages.DeadLetter {
	return messages.DeadLetter{
		Topic:       messages.UserCreateTopic,
		Source:      "user-service",
		Time:        time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Reason:      "not an event",
		OperationID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)),
		Key:         key,
		Record:      []byte(record),
	}
}

func put(t *testing.T, client *kgo.Client, topic string, value []byte) {
	t.Helper()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func putLetter(t *testing.T, client *kgo.Client, l messages.DeadLetter) {
	t.Helper()
	value, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, client, string(l.Topic.DeadLetter()), value)
}

// next reads the next record of the original topic.
func next(t *testing.T, client *kgo.Client) *kgo.Record {
	t.Helper()
	for {
		fetches := client.PollRecords(t.Context(), 1)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			return r
		}
	}
}

func list(t *testing.T, box *deadletter.Box) []deadletter.Letter {
	t.Helper()
	letters, err := box.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

// marks are the ids, each with whether it was replayed.
func marks(letters []deadletter.Letter) map[string]bool {
	m := make(map[string]bool)
	for _, l := range letters {
		m[l.ID()] = l.Replayed
	}
	return m
}

// The original bytes and key come back to the original topic, in whatever
// order, and each replay is remembered.
func TestReplay(t *testing.T) {
	t.Parallel()
	box, client := open(t)
	const count = 4
	for i := range count {
		putLetter(t, client, letter(fmt.Sprint("key", i), fmt.Sprint("\x00\xff record ", i)))
	}
	want := make(map[string]bool)
	for i := range count {
		want[fmt.Sprint("user-create-dead-letter/0/", i)] = false
	}
	if diff := cmp.Diff(want, marks(list(t, box))); diff != "" {
		t.Fatalf("before a replay (-want +got):\n%s", diff)
	}
	for _, i := range []int{2, 0, 3, 1} {
		id := fmt.Sprint("user-create-dead-letter/0/", i)
		l, err := box.Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(letter(fmt.Sprint("key", i), fmt.Sprint("\x00\xff record ", i)), l.Content); diff != "" {
			t.Errorf("Show(%s) (-want +got):\n%s", id, diff)
		}
		if err := box.Replay(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		r := next(t, client)
		if string(r.Key) != fmt.Sprint("key", i) || string(r.Value) != fmt.Sprint("\x00\xff record ", i) {
			t.Errorf("replayed as key %q, value %q", r.Key, r.Value)
		}
		want[id] = true
		if diff := cmp.Diff(want, marks(list(t, box))); diff != "" {
			t.Errorf("after the replay of %s (-want +got):\n%s", id, diff)
		}
	}
	putLetter(t, client, letter("new", "new"))
	want[fmt.Sprint("user-create-dead-letter/0/", count)] = false
	if diff := cmp.Diff(want, marks(list(t, box))); diff != "" {
		t.Errorf("after a new one (-want +got):\n%s", diff)
	}
}

// A record without a key has none after its replay either.
func TestReplayWithoutKey(t *testing.T) {
	t.Parallel()
	box, client := open(t)
	putLetter(t, client, letter("", "value"))
	if err := box.Replay(t.Context(), list(t, box)[0]); err != nil {
		t.Fatal(err)
	}
	if r := next(t, client); r.Key != nil {
		t.Errorf("key = %q, want none", r.Key)
	}
}

// What is no dead letter is listed, with the reason, and never replayed.
func TestNoDeadLetter(t *testing.T) {
	t.Parallel()
	box, client := open(t)
	foreign, err := letter("k", "v").Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, client, "user-create-dead-letter", []byte("{"))
	put(t, client, "user-approve-dead-letter", foreign)
	letters := list(t, box)
	if len(letters) != 2 {
		t.Fatalf("%d letters listed, want 2", len(letters))
	}
	for _, l := range letters {
		if l.Err == nil {
			t.Errorf("%s is listed as a dead letter: %+v", l.ID(), l)
		}
		if err := box.Replay(t.Context(), l); !errors.Is(err, l.Err) {
			t.Errorf("Replay(%s) = %v, want %v", l.ID(), err, l.Err)
		}
	}
}

func TestShowUnknown(t *testing.T) {
	t.Parallel()
	box, _ := open(t)
	for _, id := range []string{"", "x", "user-create-dead-letter/0/7", "user-create-dead-letter/0", "a/b/c", "a/0/-1/2"} {
		if _, err := box.Show(t.Context(), id); !errors.Is(err, deadletter.ErrUnknown) {
			t.Errorf("Show(%q) = %v, want ErrUnknown", id, err)
		}
	}
}
