// Package consumers simulates approval-service where there are more pods than
// this machine has room for: for each pod that is ready there is a real member
// of the consumer group, with a connection of its own, that does with a record
// what the service does, which is to wait.
package consumers

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/cluster/kube"
	"registration.example/load/pause"
)

const (
	lookInterval = 500 * time.Millisecond
	// bulk is how many records are taken at a time, as the sidecar's subscription has it.
	bulk = 8
	// commitInterval is that of the sidecar's client.
	commitInterval = time.Second
	sessionTimeout = 10 * time.Second
)

// Options say who consumes what.
type Options struct {
	Client              *kube.Client
	Namespace, Selector string
	Broker              string
	Topic, Group        string
	// Delay is how long one record takes.
	Delay time.Duration
	// Out is told what went wrong.
	Out io.Writer
}

// Consumers are the members of one group.
type Consumers struct {
	o       Options
	members map[string]context.CancelFunc // by the pod's uid
	ending  sync.WaitGroup
}

// New makes a group without members; Run fills it.
func New(o Options) *Consumers {
	return &Consumers{o: o, members: make(map[string]context.CancelFunc)}
}

// Run lets members come and go with the pods until ctx ends.
func (c *Consumers) Run(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(c.o.Out, "consumers: %v\n", err)
		}
		select {
		case <-ctx.Done():
			c.ending.Wait()
			return
		case <-tick.C:
		}
	}
}

func (c *Consumers) look(ctx context.Context) error {
	pods, err := c.o.Client.Pods(ctx, c.o.Namespace, c.o.Selector)
	if err != nil {
		return err
	}
	ready := make(map[string]bool)
	for _, pod := range pods {
		if !pod.Ready() {
			continue
		}
		ready[pod.Metadata.UID] = true
		if c.members[pod.Metadata.UID] == nil {
			member, leave := context.WithCancel(ctx)
			c.members[pod.Metadata.UID] = leave
			c.ending.Go(func() {
				if err := c.consume(member); err != nil {
					_, _ = fmt.Fprintf(c.o.Out, "consumer of pod %s: %v\n", pod.Metadata.Name, err)
				}
			})
		}
	}
	for uid, leave := range c.members {
		if !ready[uid] {
			leave()
			delete(c.members, uid)
		}
	}
	return nil
}

// consume is one member's life. It ends what it has begun, and leaves.
func (c *Consumers) consume(ctx context.Context) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.o.Broker), kgo.ConsumerGroup(c.o.Group), kgo.ConsumeTopics(c.o.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.SessionTimeout(sessionTimeout),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(commitInterval),
		kgo.FetchMaxWait(time.Second), kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	defer func() { _ = client.CommitMarkedOffsets(context.WithoutCancel(ctx)) }()
	for ctx.Err() == nil {
		records := client.PollRecords(ctx, bulk).Records()
		for _, record := range records {
			if pause.For(ctx, c.o.Delay) != nil {
				return nil
			}
			client.MarkCommitRecords(record)
		}
		client.AllowRebalance()
	}
	return nil
}
