package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	askEvery = 100 * time.Millisecond
	askLimit = 2 * time.Second
)

// awaitReady asks the broker, as a client would, until every topic and the
// consumer groups are served.
func (b *Broker) awaitReady(ctx context.Context) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(b.Addr()),
		kgo.MetadataMinAge(askEvery), // an answer of before the start is no answer
		kgo.RetryTimeout(askLimit),
	)
	if err != nil {
		return fmt.Errorf("client of the broker: %w", err)
	}
	defer client.Close()

	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		serving := serves(ctx, kadm.NewClient(client), b.options.Topics)
		if serving == nil {
			return nil
		}
		select {
		case <-b.process.done:
			return fmt.Errorf("kafka ended at its start; the end of %s:\n%s", b.log(), tail(b.log(), 15))
		case <-ctx.Done():
			return fmt.Errorf("kafka at %s: %w (%w); the end of %s:\n%s",
				b.Addr(), context.Cause(ctx), serving, b.log(), tail(b.log(), 15))
		case <-tick.C:
		}
	}
}

// serves makes the topics that are missing, and fails unless each partition has
// a leader that answers and groups have a coordinator.
func serves(ctx context.Context, admin *kadm.Client, topics map[string]int32) error {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		_, err := admin.CreateTopic(ctx, topics[topic], -1, nil, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	if len(topics) > 0 {
		ends, err := admin.ListEndOffsets(ctx, slices.Collect(maps.Keys(topics))...)
		if err = errors.Join(err, ends.Error()); err != nil {
			return fmt.Errorf("read the topics: %w", err)
		}
	}
	coordinator := admin.FindGroupCoordinators(ctx, "anybody")
	if err := coordinator.Error(); err != nil {
		return fmt.Errorf("find the coordinator of groups: %w", err)
	}
	return nil
}
