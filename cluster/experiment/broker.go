package experiment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"

	"registration.example/e2e/kafka"
	"registration.example/local/broker"
	"registration.example/local/dapr"
	"registration.example/local/system"
)

// startBroker starts the embedded broker in this process, or an Apache Kafka.
func (s *setting) startBroker(ctx context.Context, partitions map[string]int32) error {
	data := filepath.Join(s.o.Folder, "broker")
	if s.o.Kafka {
		k, err := kafka.Start(ctx, kafka.Options{Dir: data, Port: s.o.PortBase + brokerPort, Topics: partitions})
		if err != nil {
			return err
		}
		s.broker = k.Addr()
		s.stops = append(s.stops, func() { _ = k.Stop() })
		return s.connect()
	}
	var topics []broker.Topic
	for name, count := range partitions {
		topics = append(topics, broker.Topic{Name: name, Partitions: count})
	}
	b, err := broker.Start(ctx, broker.Options{
		Addr: s.address(brokerPort), Data: data, Topics: topics, Log: slog.New(slog.NewTextHandler(s.o.Out, nil)),
	})
	if err != nil {
		return err
	}
	s.broker = b.Addr()
	s.stops = append(s.stops, b.Close)
	return s.connect()
}

// makeGroup makes a group that has read nothing. Asked for a group that it does
// not know the embedded broker says so, where Kafka says that there is no
// offset, and KEDA takes that for a failure.
func (s *setting) makeGroup(ctx context.Context, group, topic string, partitions int32) error {
	offsets := kadm.Offsets{}
	for p := range partitions {
		offsets.AddOffset(topic, p, 0, -1)
	}
	answers, err := s.admin.CommitOffsets(ctx, group, offsets)
	if err := errors.Join(err, answers.Error()); err != nil {
		return fmt.Errorf("make group %s: %w", group, err)
	}
	return nil
}

func daprd(ctx context.Context, o Options) (string, error) {
	d, err := dapr.Get(ctx, dapr.Options{Root: o.Root, Folder: system.DaprFolder(o.Root), Out: o.Out})
	if err != nil {
		return "", err
	}
	return d.Daprd(), nil
}
