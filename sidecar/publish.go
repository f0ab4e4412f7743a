package sidecar

import (
	"context"
	"fmt"
	"strconv"

	dapr "github.com/dapr/go-sdk/client"
)

// Message is a record to publish.
type Message struct {
	// Key decides the partition: records with one key keep their order.
	Key string
	// Record goes to the topic as it is.
	Record []byte
}

// Publisher publishes records. Client is the real one, memory.Broker one for tests.
type Publisher interface {
	// Publish puts messages on a topic of the named pub/sub component and
	// returns when the broker has them. On an error any of them may have been
	// published: publish all of them again.
	Publish(ctx context.Context, component, topic string, messages []Message) error
}

// Publish implements Publisher. It is one call.
func (c *Client) Publish(ctx context.Context, component, topic string, messages []Message) error {
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// Raw: the record is a CloudEvent already, the sidecar need not parse it.
	response := c.dapr.PublishEvents(ctx, component, topic, entries(messages), dapr.PublishEventsWithRawPayload())
	if response.Error != nil {
		return fmt.Errorf("publish %d to %s: %w: %w", len(messages), topic, ErrBroker, response.Error)
	}
	return nil
}

// entries translates messages.
func entries(messages []Message) []any {
	entries := make([]any, len(messages))
	for i, m := range messages {
		entry := dapr.PublishEventsEvent{EntryID: strconv.Itoa(i), Data: m.Record, ContentType: "application/json"}
		if m.Key != "" {
			// On the entry, not the request: the request's metadata would overwrite it.
			entry.Metadata = map[string]string{"partitionKey": m.Key}
		}
		entries[i] = entry
	}
	return entries
}
