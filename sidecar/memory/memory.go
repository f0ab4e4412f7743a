// Package memory is a sidecar without a process: state and topics in memory,
// with the contract of the real ones. Tests use it; services must not.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"

	"registration.example/sidecar"
)

// State keeps records in memory. It implements sidecar.State.
type State struct {
	mu      sync.Mutex
	records map[string]sidecar.Record
	writes  int
	failure error
}

// NewState makes an empty state.
func NewState() *State { return &State{records: map[string]sidecar.Record{}} }

// Fail makes every call fail with err, or work again with nil.
func (s *State) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Records gives a copy of all records.
func (s *State) Records() map[string]sidecar.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make(map[string]sidecar.Record, len(s.records))
	maps.Copy(records, s.records)
	return records
}

// Save implements sidecar.State.
func (s *State) Save(ctx context.Context, writes []sidecar.Write) ([]sidecar.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken(ctx); err != nil {
		return nil, err
	}
	results := make([]sidecar.Result, len(writes))
	seen := make(map[string]bool, len(writes))
	for i, w := range writes {
		if seen[w.Key] {
			return nil, fmt.Errorf("save: key %q twice in a batch", w.Key)
		}
		seen[w.Key] = true
		results[i] = s.saveOne(w)
	}
	return results, nil
}

func (s *State) saveOne(w sidecar.Write) sidecar.Result {
	stands := s.records[w.Key]
	switch {
	case w.When == sidecar.IfAbsent && stands.Found:
		return sidecar.Result{Outcome: sidecar.Existed, Record: stands}
	case w.When == sidecar.IfUnchanged && (!stands.Found || stands.ETag != w.ETag):
		stands.Key = w.Key
		return sidecar.Result{Outcome: sidecar.Conflict, Record: stands}
	}
	s.writes++
	s.records[w.Key] = sidecar.Record{Key: w.Key, Value: bytes.Clone(w.Value), ETag: strconv.Itoa(s.writes), Found: true}
	return sidecar.Result{Outcome: sidecar.Written}
}

// Get implements sidecar.State.
func (s *State) Get(ctx context.Context, keys []string) ([]sidecar.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.broken(ctx); err != nil {
		return nil, err
	}
	records := make([]sidecar.Record, len(keys))
	for i, key := range keys {
		records[i] = s.records[key]
		records[i].Key = key
	}
	return records, nil
}

func (s *State) broken(ctx context.Context) error {
	if s.failure != nil {
		return s.failure
	}
	return ctx.Err()
}

// Broker keeps what is published, in order, in memory. It implements
// sidecar.Publisher; tests take records from it and deliver them.
type Broker struct {
	mu      sync.Mutex
	topics  map[string][]sidecar.Message
	failure error
}

// NewBroker makes a broker with empty topics.
func NewBroker() *Broker { return &Broker{topics: map[string][]sidecar.Message{}} }

// Fail makes every call fail with err, or work again with nil.
func (b *Broker) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failure = err
}

// Publish implements sidecar.Publisher.
func (b *Broker) Publish(ctx context.Context, _, topic string, messages []sidecar.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure != nil {
		return b.failure
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.topics[topic] = append(b.topics[topic], messages...)
	return nil
}

// Take removes and gives what stands on a topic.
func (b *Broker) Take(topic string) []sidecar.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := b.topics[topic]
	delete(b.topics, topic)
	return messages
}
