// Package deadletter lists, shows and replays what the services could not
// process.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/messages"
)

// ErrUnknown says that no dead letter has the id.
var ErrUnknown = errors.New("no such dead letter")

// Letter is a record on a dead-letter topic.
type Letter struct {
	// Topic, Partition and Offset are where it stands.
	Topic     string
	Partition int32
	Offset    int64
	// Content is what it says, unless Err.
	Content messages.DeadLetter
	// Err says that the record is no dead letter; it cannot be replayed.
	Err error
	// Replayed says that it was put back before.
	Replayed bool
}

// ID is what a person names it by: topic/partition/offset.
func (l Letter) ID() string { return fmt.Sprintf("%s/%d/%d", l.Topic, l.Partition, l.Offset) }

// parseID is ID's reverse.
func parseID(id string) (topic string, partition int32, offset int64, err error) {
	parts := strings.Split(id, "/")
	if len(parts) == 3 {
		p, err1 := strconv.ParseInt(parts[1], 10, 32)
		o, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil {
			return parts[0], int32(p), o, nil
		}
	}
	return "", 0, 0, fmt.Errorf("%w: %q is not topic/partition/offset", ErrUnknown, id)
}

// Box is the dead-letter topics at a broker.
type Box struct {
	options []kgo.Opt // of every client
	client  *kgo.Client
	admin   *kadm.Client
}

// Open connects to a Kafka, and fails if it does not let this program in.
func Open(ctx context.Context, k Kafka) (*Box, error) {
	options := k.options()
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("settings of Kafka: %w", err)
	}
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, k.explain(err)
	}
	return &Box{options: options, client: client, admin: kadm.NewClient(client)}, nil
}

// Close ends the connection.
func (b *Box) Close() { b.client.Close() }

// List gives all dead letters, topic by topic, the oldest first.
func (b *Box) List(ctx context.Context) ([]Letter, error) {
	replayed, err := b.replayed(ctx)
	if err != nil {
		return nil, err
	}
	var letters []Letter
	for _, topic := range messages.Topics() {
		found, err := b.read(ctx, string(topic.DeadLetter()))
		if err != nil {
			return nil, err
		}
		letters = append(letters, found...)
	}
	for i, l := range letters {
		letters[i].Replayed = replayed.has(l)
	}
	return letters, nil
}

// read reads a topic from its start to what is its end now.
func (b *Box) read(ctx context.Context, topic string) ([]Letter, error) {
	starts, err := b.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topic, err)
	}
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topic, err)
	}
	var letters []Letter
	for partition, end := range ends[topic] {
		if end.Err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, end.Err)
		}
		from := starts[topic][partition].Offset
		found, err := b.readPartition(ctx, topic, partition, from, end.Offset)
		if err != nil {
			return nil, err
		}
		letters = append(letters, found...)
	}
	return letters, nil
}

func (b *Box) readPartition(ctx context.Context, topic string, partition int32, from, end int64) ([]Letter, error) {
	if from >= end {
		return nil, nil
	}
	client, err := kgo.NewClient(append(slices.Clone(b.options), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {partition: kgo.NewOffset().At(from)},
	}))...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var letters []Letter
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		for _, record := range fetches.Records() {
			if record.Offset < end {
				letters = append(letters, letterOf(record))
			}
			if record.Offset >= end-1 {
				return letters, nil
			}
		}
	}
}

func letterOf(r *kgo.Record) Letter {
	content, err := messages.DecodeDeadLetter(r.Value)
	if err == nil && string(content.Topic.DeadLetter()) != r.Topic {
		err = fmt.Errorf("it claims to come from topic %q", content.Topic)
	}
	return Letter{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Content: content, Err: err}
}

// Show gives one dead letter.
func (b *Box) Show(ctx context.Context, id string) (Letter, error) {
	topic, partition, offset, err := parseID(id)
	if err != nil {
		return Letter{}, err
	}
	letters, err := b.List(ctx)
	if err != nil {
		return Letter{}, err
	}
	for _, l := range letters {
		if l.Topic == topic && l.Partition == partition && l.Offset == offset {
			return l, nil
		}
	}
	return Letter{}, fmt.Errorf("%w: %s", ErrUnknown, id)
}

// Replay puts the original record back on its topic and remembers that it did.
// Killed between the two it would replay it again, which does no harm: events
// take effect once.
func (b *Box) Replay(ctx context.Context, l Letter) error {
	if l.Err != nil {
		return fmt.Errorf("replay %s: %w", l.ID(), l.Err)
	}
	record := &kgo.Record{Topic: string(l.Content.Topic), Value: l.Content.Record}
	if l.Content.Key != "" {
		record.Key = []byte(l.Content.Key)
	}
	if err := b.client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("replay %s: %w", l.ID(), err)
	}
	return b.remember(ctx, l)
}
