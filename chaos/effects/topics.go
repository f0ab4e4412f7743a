package effects

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/local/broker"
	"registration.example/messages"
)

// Response is a record that tells how a saga ended.
type Response struct {
	Operation uuid.UUID
	User      uuid.UUID
	Approved  bool
	Failure   string
}

// Published is what stands on the topics.
type Published struct {
	// Events counts the records of each event, by its id.
	Events map[string]int
	// Subjects are the operations that the events belong to.
	Subjects map[uuid.UUID]bool
	// Responses are in the order of the topic, for each operation.
	Responses []Response
	// Strange says what is on a topic and should not be: dead letters, and
	// records that cannot be read.
	Strange []string
}

// Duplicates is how many records say what another one had said.
func (p Published) Duplicates() int {
	n := 0
	for _, records := range p.Events {
		n += records - 1
	}
	return n
}

// ReadTopics reads every topic from its first record to its present end.
func ReadTopics(ctx context.Context, addr string) (Published, error) {
	p := Published{Events: map[string]int{}, Subjects: map[uuid.UUID]bool{}}
	var names []string
	for _, topic := range broker.Topics() {
		names = append(names, topic.Name)
	}
	return p, eachRecord(ctx, addr, names, p.add)
}

// eachRecord calls f for each record on the topics now, in order.
func eachRecord(ctx context.Context, addr string, topics []string, f func(*kgo.Record)) error {
	client, err := broker.Client(addr, kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	open, err := ends(ctx, client, topics)
	if err != nil {
		return err
	}
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return fmt.Errorf("read topics: %w", err)
		}
		for r := range fetches.RecordsAll() {
			at := partition{r.Topic, r.Partition}
			end, more := open[at]
			if !more || r.Offset >= end {
				continue
			}
			f(r)
			if r.Offset+1 == end {
				delete(open, at)
			}
		}
	}
	return nil
}

type partition struct {
	topic  string
	number int32
}

// ends are the ends of those partitions that hold records.
func ends(ctx context.Context, client *kgo.Client, topics []string) (map[partition]int64, error) {
	admin := kadm.NewClient(client)
	first, firstErr := admin.ListStartOffsets(ctx, topics...)
	last, lastErr := admin.ListEndOffsets(ctx, topics...)
	if err := errors.Join(firstErr, lastErr, first.Error(), last.Error()); err != nil {
		return nil, fmt.Errorf("read where topics end: %w", err)
	}
	open := map[partition]int64{}
	last.Each(func(o kadm.ListedOffset) {
		if start, ok := first.Lookup(o.Topic, o.Partition); !ok || start.Offset < o.Offset {
			open[partition{o.Topic, o.Partition}] = o.Offset
		}
	})
	return open, nil
}

// add sorts a record in.
func (p *Published) add(r *kgo.Record) {
	if strings.HasSuffix(r.Topic, string(messages.Topic("").DeadLetter())) {
		p.strange(r, deadLetter(r.Value))
		return
	}
	var err error
	switch messages.Topic(r.Topic) {
	case messages.UserCreateTopic:
		_, err = event[messages.UserCreate](p, r)
	case messages.UserApproveTopic:
		_, err = event[messages.UserApprove](p, r)
	case messages.UserApproveResponseTopic:
		_, err = event[messages.UserApproveResponse](p, r)
	case messages.UserCreateResponseTopic:
		var e messages.Event[messages.UserCreateResponse]
		if e, err = event[messages.UserCreateResponse](p, r); err == nil {
			p.Responses = append(p.Responses, response(e))
		}
	}
	if err != nil {
		p.strange(r, err.Error())
	}
}

func (p *Published) strange(r *kgo.Record, what string) {
	p.Strange = append(p.Strange, fmt.Sprintf("%s/%d at %d: %s", r.Topic, r.Partition, r.Offset, what))
}

func event[T messages.Payload](p *Published, r *kgo.Record) (messages.Event[T], error) {
	e, err := messages.Decode[T](r.Value)
	if err == nil {
		p.Events[e.ID()]++
		p.Subjects[e.OperationID] = true
	}
	return e, err
}

func response(e messages.Event[messages.UserCreateResponse]) Response {
	r := Response{Operation: e.OperationID, Approved: e.Data.Approved, Failure: e.Data.Failure}
	if e.Data.User != nil {
		r.User = e.Data.User.UUID
	}
	return r
}

func deadLetter(record []byte) string {
	letter, err := messages.DecodeDeadLetter(record)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("a dead letter of operation %s: %s", letter.OperationID, letter.Reason)
}
