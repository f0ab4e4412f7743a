//go:build kafka

package e2e

import (
	"context"
	"path/filepath"

	"registration.example/e2e/kafka"
	"registration.example/local/broker"
)

// apache is the broker of the profile kafka.
var apache *kafka.Broker

func startKafka(ctx context.Context, folder string) (addr string, stop func(), err error) {
	topics := map[string]int32{}
	for _, topic := range broker.Topics() {
		topics[topic.Name] = topic.Partitions
	}
	if apache, err = kafka.Start(ctx, kafka.Options{Dir: filepath.Join(folder, "kafka"), Topics: topics}); err != nil {
		return "", nil, err
	}
	return apache.Addr(), func() { _ = apache.Stop() }, nil
}
