package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// group is the consumer group whose offsets remember what was replayed.
const group = "dead-letters"

// maxMetadata is the size of an offset's metadata that Kafka takes by default.
const maxMetadata = 4096

// position is what was replayed of a partition: all before the committed
// offset, and some after it, which its metadata lists.
type position struct {
	before int64
	also   []int64
}

// positions are by topic and partition.
type positions map[string]map[int32]position

func (p positions) has(l Letter) bool {
	at := p[l.Topic][l.Partition]
	return l.Offset < at.before || slices.Contains(at.also, l.Offset)
}

// with adds an offset, and moves before over what is now without a gap.
func (p position) with(offset int64) position {
	if offset < p.before || slices.Contains(p.also, offset) {
		return p
	}
	also := append(slices.Clone(p.also), offset)
	slices.Sort(also)
	for len(also) > 0 && also[0] == p.before {
		p.before, also = p.before+1, also[1:]
	}
	p.also = also
	return p
}

// replayed reads what the group remembers.
func (b *Box) replayed(ctx context.Context) (positions, error) {
	offsets, err := b.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("read what was replayed: %w", err)
	}
	found := make(positions)
	for topic, partitions := range offsets {
		found[topic] = make(map[int32]position)
		for partition, o := range partitions {
			if o.Err != nil {
				return nil, fmt.Errorf("read what was replayed: %w", o.Err)
			}
			at := position{before: max(0, o.At)}
			if o.Metadata != "" {
				if err := json.Unmarshal([]byte(o.Metadata), &at.also); err != nil {
					return nil, fmt.Errorf("read what was replayed of %s: %w", topic, err)
				}
			}
			found[topic][partition] = at
		}
	}
	return found, nil
}

// remember commits that a letter was replayed.
func (b *Box) remember(ctx context.Context, l Letter) error {
	known, err := b.replayed(ctx)
	if err != nil {
		return err
	}
	at := known[l.Topic][l.Partition].with(l.Offset)
	metadata := ""
	if len(at.also) > 0 {
		text, err := json.Marshal(at.also)
		if err != nil {
			return fmt.Errorf("remember the replay of %s: %w", l.ID(), err)
		}
		metadata = string(text)
	}
	if len(metadata) > maxMetadata {
		return fmt.Errorf("%s was replayed, which cannot be remembered: too many before it were not; replay them first", l.ID())
	}
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: l.Topic, Partition: l.Partition, At: at.before, LeaderEpoch: -1, Metadata: metadata})
	if err := b.admin.CommitAllOffsets(ctx, group, offsets); err != nil {
		return fmt.Errorf("remember the replay of %s: %w", l.ID(), err)
	}
	return nil
}
