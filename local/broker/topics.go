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

// Partitions on one machine. A bulk holds one partition's records, so a topic
// has no more partitions than consumers are wanted (docs/performance.md).
const (
	// few lets a second replica help.
	few = 2
	// forReplicas is how many replicas of approval-service can work.
	forReplicas = 12
)

// Topics are those of the system on one machine: user-approve is the one whose
// consumers are scaled.
func Topics() []Topic { return topics(forReplicas) }

// FastTopics are those for approvals that take no time: one replica is enough.
func FastTopics() []Topic { return topics(few) }

func topics(approvals int32) []Topic {
	var topics []Topic
	for _, t := range messages.Topics() {
		partitions := int32(few)
		if t == messages.UserApproveTopic {
			partitions = approvals
		}
		topics = append(topics,
			Topic{Name: string(t), Partitions: partitions},
			Topic{Name: string(t.DeadLetter()), Partitions: 1})
	}
	return topics
}

// EnsureTopics makes the topics that do not exist, at any Kafka, and adds the
// partitions that one lacks. It removes none: Kafka cannot.
func EnsureTopics(ctx context.Context, addr string, topics []Topic) error {
	client, err := Client(addr)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, t := range topics {
		_, err := admin.CreateTopic(ctx, t.Partitions, -1, nil, t.Name)
		if errors.Is(err, kerr.TopicAlreadyExists) {
			err = grow(ctx, admin, t)
		}
		if err != nil {
			return fmt.Errorf("make topic %s at %s: %w", t.Name, addr, err)
		}
	}
	return nil
}

// grow adds partitions to a topic that has too few. A saga has one event on
// each topic, so no order is lost when keys go to other partitions.
func grow(ctx context.Context, admin *kadm.Client, t Topic) error {
	found, err := admin.ListTopics(ctx, t.Name)
	if err != nil {
		return err
	}
	if len(found[t.Name].Partitions) >= int(t.Partitions) {
		return nil
	}
	response, err := admin.UpdatePartitions(ctx, int(t.Partitions), t.Name)
	return errors.Join(err, response.Error())
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
