package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/messages"
)

// kafkaClient gives a client of the broker under the system.
func kafkaClient(t *testing.T, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	if target.kafka == "" {
		t.Skip("needs KAFKA_BROKERS")
	}
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(target.kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// put puts records on partition 0 of a topic, in one batch and in this order.
func put(t *testing.T, topic messages.Topic, key string, records ...[]byte) {
	t.Helper()
	batch := make([]*kgo.Record, len(records))
	for i, record := range records {
		batch[i] = &kgo.Record{Topic: string(topic), Key: []byte(key), Value: record}
	}
	if err := kafkaClient(t).ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func userCreate(t *testing.T, id uuid.UUID, name string) []byte {
	t.Helper()
	now := time.Now().UTC()
	record, err := messages.Encode(messages.Event[messages.UserCreate]{
		OperationID: id, Source: "e2e", Time: now, Deadline: now.Add(time.Hour), Data: messages.UserCreate{Name: name},
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// malformed are records that no consumer can process; 20 of them.
func malformed(t *testing.T, operationID uuid.UUID) [][]byte {
	t.Helper()
	event := string(userCreate(t, operationID, "x"))
	replace := func(old, with string) []byte {
		changed := bytes.Replace([]byte(event), []byte(old), []byte(with), 1)
		if string(changed) == event {
			t.Fatalf("%q does not occur in %s", old, event)
		}
		return changed
	}
	id := operationID.String()
	return [][]byte{
		{},
		[]byte("x"), []byte("{"), []byte("null"), []byte("7"), []byte(`"text"`), []byte("[]"), []byte("{}"),
		[]byte("\xff\xfe\x00"), bytes.Repeat([]byte("x"), 64<<10), []byte(`{"specversion":"1.0"}`),
		replace(`"specversion":"1.0"`, `"specversion":"0.3"`),
		replace(`registration.user-create.v1`, `registration.user-create.v9`),
		replace(`registration.user-create.v1`, `com.example.other`),
		replace(`"subject":"`+id+`"`, `"subject":"nobody"`),
		replace(`"id":"`+id+`/`, `"id":"`),
		replace(`"data":{"name":"x"}`, `"data":{"name":7}`),
		replace(`"data":{"name":"x"}`, `"data":{"name":""}`),
		replace(`"data":{"name":"x"}`, `"data":null`),
		replace(`"deadline":`, `"dead":`),
	}
}

// TestMalformedRecordsAreDeadLettered puts records that cannot be processed on
// each topic, and good ones around them.
func TestMalformedRecordsAreDeadLettered(t *testing.T) {
	t.Parallel()
	for _, topic := range messages.Topics() {
		t.Run(string(topic), func(t *testing.T) {
			t.Parallel()
			bad := malformed(t, uuid.New())
			key := uuid.NewString() // tells these dead letters from others
			before := create(t, "before").UUID
			put(t, topic, key, bad...)
			after := create(t, "after").UUID
			await(t, before)
			await(t, after)
			wantDeadLetters(t, topic, key, bad)
		})
	}
}

// wantDeadLetters waits until every record is on the dead-letter topic with a
// reason and its own bytes.
func wantDeadLetters(t *testing.T, topic messages.Topic, key string, records [][]byte) {
	t.Helper()
	client := kafkaClient(t, kgo.ConsumeTopics(string(topic.DeadLetter())), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), endWithin)
	defer cancel()
	missing := map[string]bool{}
	for _, record := range records {
		missing[string(record)] = true
	}
	for len(missing) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d records are not on %s", len(missing), len(records), topic.DeadLetter())
		}
		for record := range fetches.RecordsAll() {
			letter, err := messages.DecodeDeadLetter(record.Value)
			if err != nil {
				t.Fatal(err)
			}
			if letter.Key != key {
				continue
			}
			if letter.Topic != topic || letter.Reason == "" || !missing[string(letter.Record)] {
				t.Fatalf("unexpected dead letter %+v", letter)
			}
			delete(missing, string(letter.Record))
		}
	}
}

// TestUnknownVersionFailsTheOperation dead-letters an event of a known
// operation, whose end is then told.
func TestUnknownVersionFailsTheOperation(t *testing.T) {
	t.Parallel()
	for _, topic := range []messages.Topic{messages.UserCreateTopic, messages.UserApproveTopic, messages.UserApproveResponseTopic} {
		t.Run(string(topic), func(t *testing.T) {
			t.Parallel()
			id := uuid.New()
			record := bytes.Replace(userCreate(t, id, "x"), []byte("user-create.v1"), []byte("user-create.v9"), 1)
			put(t, topic, id.String(), record)
			wantDeadLetters(t, topic, id.String(), [][]byte{record})
			// No operation has this id: its end is a dead letter too, and says why it came.
			client := kafkaClient(t, kgo.ConsumeTopics(string(messages.UserCreateResponseTopic)), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			response := await1(t, client, id)
			if response.Data.Failure == "" {
				t.Fatalf("got %+v", response)
			}
		})
	}
}

// await1 waits for the end of a saga on its topic.
func await1(t *testing.T, client *kgo.Client, id uuid.UUID) messages.Event[messages.UserCreateResponse] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), endWithin)
	defer cancel()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("no end of the saga of %s", id)
		}
		for record := range fetches.RecordsAll() {
			if event, err := messages.Decode[messages.UserCreateResponse](record.Value); err == nil && event.OperationID == id {
				return event
			}
		}
	}
}

// TestSameEventTwiceInABulk is the first trap of docs/performance.md: written
// twice in one batch, a key conflicts with itself and blocks the topic for ever.
func TestSameEventTwiceInABulk(t *testing.T) {
	t.Parallel()
	var records [][]byte
	ids := make([]uuid.UUID, 10)
	for i := range ids {
		ids[i] = create(t, "twice").UUID
		record := userCreate(t, ids[i], "twice")
		records = append(records, record, record)
	}
	put(t, messages.UserCreateTopic, "twice", records...)
	for _, id := range ids {
		wantUser(t, await(t, id), "approved")
	}
	wantFlow(t)
}

// TestRedeliveredWithOtherBorders is the second trap: some events of a batch
// were handled before. Their conflicts must not roll back the others.
func TestRedeliveredWithOtherBorders(t *testing.T) {
	t.Parallel()
	var records [][]byte
	var fresh []uuid.UUID
	for i := range 20 {
		name := fmt.Sprintf("border %d", i)
		if i%2 == 0 {
			old := await(t, create(t, name).UUID)
			records = append(records, userCreate(t, old.UUID, name))
			continue
		}
		id := uuid.New()
		fresh = append(fresh, id)
		records = append(records, userCreate(t, id, name))
	}
	put(t, messages.UserCreateTopic, "borders", records...)
	for _, id := range fresh {
		wantUserEventually(t, messages.UserID(id), "approved")
	}
	wantFlow(t)
}

// wantFlow checks that nothing blocks: several operations run to their end, on
// several partitions.
func wantFlow(t *testing.T) {
	t.Helper()
	for range 10 {
		await(t, create(t, "flow").UUID)
	}
}

// wantUserEventually waits for a user of an operation that nobody asked for.
func wantUserEventually(t *testing.T, id uuid.UUID, state string) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(endWithin); time.Now().Before(deadline); <-ticker.C {
		response, answer := call(t, http.MethodGet, target.users+"/users/"+id.String(), "")
		if response.StatusCode == http.StatusOK && decode[user](t, answer).State == state {
			return
		}
	}
	t.Fatalf("user %s is not %s", id, state)
}
