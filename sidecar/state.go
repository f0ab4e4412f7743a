package sidecar

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	dapr "github.com/dapr/go-sdk/client"
)

// Condition says when a write may happen.
type Condition int

const (
	// Always writes, whatever stands there.
	Always Condition = iota
	// IfAbsent writes where nothing stands: the dedupe primitive.
	IfAbsent
	// IfUnchanged writes where the record with Write.ETag still stands.
	IfUnchanged
)

// Write is one key to be written.
type Write struct {
	Key   string
	Value []byte
	When  Condition
	// ETag is that of the record to replace, for IfUnchanged.
	ETag string
}

// Outcome says what a write found.
type Outcome int

const (
	// Written means that the key holds Value now.
	Written Outcome = iota
	// Existed means that an IfAbsent write found a record. Where the store does
	// not write batches whole, one with the same value counts as Written.
	Existed
	// Conflict means that an IfUnchanged write found another ETag or nothing.
	Conflict
)

// Result is the outcome of one write.
type Result struct {
	Outcome Outcome
	// Record is what stands there instead, unless Written.
	Record Record
}

// Record is what a store holds under a key.
type Record struct {
	Key   string
	Value []byte
	ETag  string
	// Found is false where the store holds nothing.
	Found bool
}

// transactional lists the state components whose transactions report errors of
// the commit. state.mongodb is not among them: its driver's commit error is
// dropped and the sidecar answers success (components-contrib v1.16.5,
// state/mongodb/mongodb.go, Multi).
var transactional = map[string]bool{"state.sqlite": true}

// State keeps records. Store is the real one, memory.State one for tests;
// both pass the suite in sidecar/conformance.
type State interface {
	// Save writes all, which must have distinct keys, and gives an outcome for
	// each in the same order. On an error some may be written: save all of
	// them again.
	Save(ctx context.Context, writes []Write) ([]Result, error)
	// Get reads keys, which must be distinct, and gives a record for each in
	// the same order.
	Get(ctx context.Context, keys []string) ([]Record, error)
}

// Store is a state component of the sidecar. How it writes a batch follows from
// the component's type, which it asks for at its first use: the sidecar may
// start later than the service.
type Store struct {
	client *Client
	name   string

	mu     sync.Mutex
	opened bool
	// write puts all writes into the store. When it fails none of them is done
	// if the store is atomic, else any of them may be.
	write  func(context.Context, []*dapr.SetStateItem) error
	atomic bool
}

// Store gives the state component with this name.
func (c *Client) Store(name string) *Store { return &Store{client: c, name: name} }

// open finds out how to write.
func (s *Store) open(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened {
		return nil
	}
	status, err := s.client.Status(ctx)
	if err != nil {
		return err
	}
	kind := status.Components[s.name]
	if kind == "" {
		return fmt.Errorf("component %q is not loaded: %w", s.name, ErrUnavailable)
	}
	s.opened, s.write = true, s.saveBulk
	if transactional[kind] {
		s.write, s.atomic = s.saveTransaction, true
	}
	return nil
}

// maxRounds bounds how often Save starts again after conflicts. Each round
// settles at least one write, so more are needed only under rare contention.
const maxRounds = 16

// Save implements State.
func (s *Store) Save(ctx context.Context, writes []Write) ([]Result, error) {
	if len(writes) == 0 {
		return nil, nil
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	results := make([]Result, len(writes))
	pending, err := s.begin(ctx, writes, results)
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		if len(pending) == 0 {
			return results, nil
		}
		failure := s.write(ctx, s.items(writes, pending))
		if failure == nil {
			return results, nil
		}
		rest, err := s.settle(ctx, writes, pending, results)
		if err != nil {
			return nil, unavailable("save", fmt.Errorf("%w, and reading back: %w", failure, err))
		}
		if len(rest) == len(pending) {
			return nil, unavailable(fmt.Sprintf("save %d keys", len(pending)), failure)
		}
		pending = rest
	}
	return nil, unavailable("save", fmt.Errorf("still conflicts after %d rounds", maxRounds))
}

// begin does what can be done together without conditions, and gives the rest.
func (s *Store) begin(ctx context.Context, writes []Write, results []Result) (pending []int, err error) {
	if s.atomic {
		return s.guarded(ctx, writes, results)
	}
	return all(writes), nil
}

// all are the numbers of writes.
func all(writes []Write) []int {
	numbers := make([]int, len(writes))
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// keysOf are the keys of some writes.
func keysOf(writes []Write, some []int) []string {
	keys := make([]string, len(some))
	for i, p := range some {
		keys[i] = writes[p].Key
	}
	return keys
}

// settle finds out, after a batch failed, what became of each pending write,
// and gives back those still to be done. The sidecar does not tell: it has one
// error for the batch, and whether the others are written depends on the store.
func (s *Store) settle(ctx context.Context, writes []Write, pending []int, results []Result) ([]int, error) {
	records, err := s.Get(ctx, keysOf(writes, pending))
	if err != nil {
		return nil, err
	}
	var rest []int
	for i, p := range pending {
		w, found := writes[p], records[i]
		switch {
		case !s.atomic && found.Found && bytes.Equal(found.Value, w.Value):
			results[p] = Result{Outcome: Written}
		case w.When == IfAbsent && found.Found:
			results[p] = Result{Outcome: Existed, Record: found}
		case w.When == IfUnchanged && found.ETag != w.ETag:
			results[p] = Result{Outcome: Conflict, Record: found}
		default:
			rest = append(rest, p)
		}
	}
	return rest, nil
}

// Get implements State. It is one call.
func (s *Store) Get(ctx context.Context, keys []string) ([]Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	items, err := s.client.dapr.GetBulkState(ctx, s.name, keys, nil, int32(len(keys))) //nolint:gosec // a batch is small
	if err != nil {
		return nil, unavailable(fmt.Sprintf("get %d keys", len(keys)), err)
	}
	found := make(map[string]Record, len(items))
	for _, item := range items {
		if item.Error != "" {
			return nil, unavailable("get "+item.Key, fmt.Errorf("%s", item.Error))
		}
		if item.Etag != "" {
			found[item.Key] = Record{Key: item.Key, Value: unescape(item.Value), ETag: item.Etag, Found: true}
		}
	}
	records := make([]Record, len(keys))
	for i, key := range keys {
		records[i] = found[key]
		records[i].Key = key
	}
	return records, nil
}

func (s *Store) saveTransaction(ctx context.Context, items []*dapr.SetStateItem) error {
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	operations := make([]*dapr.StateOperation, len(items))
	for i, item := range items {
		operations[i] = &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: item}
	}
	return s.client.dapr.ExecuteStateTransaction(ctx, s.name, nil, operations)
}

func (s *Store) saveBulk(ctx context.Context, items []*dapr.SetStateItem) error {
	ctx, cancel := context.WithTimeout(ctx, s.client.timeout)
	defer cancel()
	return s.client.dapr.SaveBulkState(ctx, s.name, items...)
}
