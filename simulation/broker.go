package simulation

import (
	"hash/fnv"

	"registration.example/messages"
	"registration.example/sidecar"
)

// partitions of each topic.
const partitions = 2

// broker is Kafka as the sidecars use it: partitions keep their order, a group
// has one committed offset per partition, and a partition that changes its
// consumer is delivered again from there.
type broker struct {
	topics map[string][]*partition
}

// partition is one partition and the state of its one consumer group.
type partition struct {
	topic   string
	number  int
	records []sidecar.Message
	// committed is the offset of the next record to deliver.
	committed int
	// delivered is the offset up to which records were delivered at least once.
	delivered int
	// delivering is the delivery in flight, if there is one that may commit.
	delivering *delivery
}

func newBroker() *broker {
	b := &broker{topics: map[string][]*partition{}}
	for _, topic := range messages.Topics() {
		for _, name := range []messages.Topic{topic, topic.DeadLetter()} {
			for n := range partitions {
				b.topics[string(name)] = append(b.topics[string(name)], &partition{topic: string(name), number: n})
			}
		}
	}
	return b
}

func (b *broker) append(topic string, batch []sidecar.Message) error {
	for _, message := range batch {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(message.Key))
		p := b.topics[topic][hash.Sum32()%partitions]
		p.records = append(p.records, message)
	}
	return nil
}

// consumed gives the partitions that have a consumer, in a fixed order.
func (b *broker) consumed() []*partition {
	var all []*partition
	for _, topic := range messages.Topics() {
		all = append(all, b.topics[string(topic)]...)
	}
	return all
}

// lag is how many records wait.
func (b *broker) lag() int {
	lag := 0
	for _, p := range b.consumed() {
		lag += len(p.records) - p.committed
	}
	return lag
}

// deadLetters gives what could not be processed.
func (b *broker) deadLetters() []messages.DeadLetter {
	var letters []messages.DeadLetter
	for _, topic := range messages.Topics() {
		for _, p := range b.topics[string(topic.DeadLetter())] {
			for _, record := range p.records {
				if letter, err := messages.DecodeDeadLetter(record.Record); err == nil {
					letters = append(letters, letter)
				}
			}
		}
	}
	return letters
}
