package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"registration.example/messages"
)

// dialTimeout bounds one connection: the broker is near or it is away.
const dialTimeout = 2 * time.Second

// Topic is a topic to be made.
type Topic struct {
	Name       string
	Partitions int32
}

// Topics are those of the system on one machine. A bulk holds one partition's
// records, so a topic has no more partitions than consumers are wanted:
// user-approve is the one whose consumers are scaled.
func Topics() []Topic {
	var topics []Topic
	for _, t := range messages.Topics() {
		partitions := int32(4)
		if t == messages.UserApproveTopic {
			partitions = 12
		}
		topics = append(topics,
			Topic{Name: string(t), Partitions: partitions},
			Topic{Name: string(t.DeadLetter()), Partitions: 1})
	}
	return topics
}

// EnsureTopics makes the topics that do not exist, at any Kafka. A topic that
// exists is left as it is.
func EnsureTopics(ctx context.Context, addr string, topics []Topic) error {
	client, err := Client(addr)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, t := range topics {
		_, err := admin.CreateTopic(ctx, t.Partitions, -1, nil, t.Name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %s at %s: %w", t.Name, addr, err)
		}
	}
	return nil
}

// Client connects to the Kafka at addr.
func Client(addr string, opts ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr),
		kgo.DialTimeout(dialTimeout),
		kgo.RetryTimeout(5 * dialTimeout),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka at %s: %w", addr, err)
	}
	return client, nil
}
