package record

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Kafka is what there is to see of the broker at one moment.
type Kafka struct {
	// Written is how many records the topics hold, by topic.
	Written map[string]int64
	// Committed is how many records of the scaled topic the group has done.
	Committed int64
	// Members is how many of its members have partitions.
	Members int
}

// Watched names what is looked at.
type Watched struct {
	// Topics are all topics of the saga, and Scaled the one by which is scaled.
	Topics []string
	Scaled string
	// Group consumes the scaled topic.
	Group string
}

// LookAtKafka reads offsets and members.
func LookAtKafka(ctx context.Context, admin *kadm.Client, w Watched) (Kafka, error) {
	k := Kafka{Written: make(map[string]int64)}
	ends, err := admin.ListEndOffsets(ctx, w.Topics...)
	if err != nil {
		return k, fmt.Errorf("end offsets: %w", err)
	}
	if err := ends.Error(); err != nil {
		return k, fmt.Errorf("end offsets: %w", err)
	}
	ends.Each(func(o kadm.ListedOffset) { k.Written[o.Topic] += o.Offset })
	committed, err := admin.FetchOffsets(ctx, w.Group)
	if err != nil {
		return k, fmt.Errorf("offsets of %s: %w", w.Group, err)
	}
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Topic == w.Scaled && o.At > 0 {
			k.Committed += o.At
		}
	})
	groups, err := admin.DescribeGroups(ctx, w.Group)
	if err != nil {
		return k, fmt.Errorf("members of %s: %w", w.Group, err)
	}
	k.Members = working(groups[w.Group], w.Scaled)
	return k, nil
}

// working counts the members that have partitions of a topic.
func working(group kadm.DescribedGroup, topic string) int {
	count := 0
	for _, member := range group.Members {
		assigned, ok := member.Assigned.AsConsumer()
		if !ok {
			continue
		}
		for _, t := range assigned.Topics {
			if t.Topic == topic && len(t.Partitions) > 0 {
				count++
			}
		}
	}
	return count
}

// Lag is how many records the group has not committed.
func (k Kafka) Lag(w Watched) int64 { return k.Written[w.Scaled] - k.Committed }
