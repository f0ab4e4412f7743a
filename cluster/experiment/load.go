package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/load/generator"
	"registration.example/load/pause"
	"registration.example/local/broker"
)

// runLoad puts the whole profile on the system, each of its loads with a ledger
// of its own, and returns when every operation has ended.
func runLoad(ctx context.Context, profile Profile, o generator.Options, folder string) ([]generator.Report, error) {
	reports, errs := make([]generator.Report, len(profile)), make([]error, len(profile))
	var loads sync.WaitGroup
	start := time.Now()
	for i, load := range profile {
		loads.Go(func() {
			if errs[i] = pause.For(ctx, time.Until(start.Add(load.From))); errs[i] != nil {
				return
			}
			o := o
			o.Rate, o.Duration, o.Seed = load.Rate, load.To-load.From, uint64(i+1)
			journal, err := os.Create(filepath.Join(folder, fmt.Sprintf("ledger-%d.jsonl", i+1)))
			if err != nil {
				errs[i] = err
				return
			}
			o.Journal = journal
			reports[i], errs[i] = generator.Run(ctx, o)
			errs[i] = errors.Join(errs[i], journal.Close())
		})
	}
	over := make(chan struct{})
	go func() {
		loads.Wait()
		close(over)
	}()
	select {
	case <-ctx.Done():
		// The loads would wait for operations whose services end just now.
		return nil, ctx.Err()
	case <-over:
		return reports, errors.Join(errs...)
	}
}

// tickOfLoad is how often records are written.
const tickOfLoad = 50 * time.Millisecond

// produce writes records to a topic as the profile says, spread over the
// partitions by keys as operations are.
func produce(ctx context.Context, address, topic string, profile Profile) error {
	client, err := broker.Client(address, kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	failed := make(chan error, 1)
	start, owed, last := time.Now(), 0.0, time.Duration(0)
	tick := time.NewTicker(tickOfLoad)
	defer tick.Stop()
	for last < profile.End() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return fmt.Errorf("write to %s: %w", topic, err)
		case <-tick.C:
		}
		now := time.Since(start)
		owed += profile.At(now) * (now - last).Seconds()
		last = now
		for ; owed >= 1; owed-- {
			key := uuid.New()
			client.Produce(ctx, &kgo.Record{Key: key[:], Value: key[:]}, func(_ *kgo.Record, err error) {
				if err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			})
		}
	}
	return client.Flush(ctx)
}
