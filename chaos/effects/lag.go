package effects

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"registration.example/local/broker"
	"registration.example/messages"
)

// groups are the consumer groups with the topic that each consumes.
var groups = map[string]messages.Topic{
	"operation-service":      messages.UserCreateResponseTopic,
	"user-service":           messages.UserCreateTopic,
	"user-service-responses": messages.UserApproveResponseTopic,
	"approval-service":       messages.UserApproveTopic,
}

// Unread is how many records the services have not acknowledged yet.
func Unread(ctx context.Context, addr string) (int64, error) {
	client, err := broker.Client(addr)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	unread := int64(0)
	for group, topic := range groups {
		n, err := unreadBy(ctx, admin, group, string(topic))
		if err != nil {
			return 0, fmt.Errorf("what %s has not read: %w", group, err)
		}
		unread += n
	}
	return unread, nil
}

func unreadBy(ctx context.Context, admin *kadm.Client, group, topic string) (int64, error) {
	committed, err := admin.FetchOffsetsForTopics(ctx, group, topic)
	if err = errors.Join(err, committed.Error()); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return 0, err
	}
	end, err := admin.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, end.Error()); err != nil {
		return 0, err
	}
	unread := int64(0)
	end.Each(func(o kadm.ListedOffset) {
		at := int64(0)
		if c, ok := committed.Lookup(o.Topic, o.Partition); ok && c.At > 0 {
			at = c.At
		}
		unread += max(0, o.Offset-at)
	})
	return unread, nil
}
