package rig

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"registration.example/service"
	"registration.example/sidecar"
)

const (
	writers      = 4
	writesAtOnce = 100
)

// Writing writes some records, and says how many writes that were.
type Writing func(ctx context.Context, state sidecar.State) (writes int, err error)

// WriteRate is how many writes a second the database takes through one sidecar,
// a hundred at a time from four callers.
func (r *Rig) WriteRate(ctx context.Context, d time.Duration, write Writing) (float64, error) {
	address, token := r.Sidecar(OperationService)
	client, err := sidecar.Connect(sidecar.Options{Address: address, Token: token, Timeout: time.Minute})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	store := client.Store(service.StateStore)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var written atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range writers {
		all.Go(func() {
			for time.Since(start) < d {
				writes, err := write(ctx, store)
				if err != nil {
					cancel(err)
					return
				}
				written.Add(int64(writes))
			}
		})
	}
	all.Wait()
	return float64(written.Load()) / time.Since(start).Seconds(), context.Cause(ctx)
}

// PlainWrites make records, whatever stands there.
func PlainWrites(ctx context.Context, state sidecar.State) (int, error) {
	_, err := state.Save(ctx, someWrites())
	return writesAtOnce, err
}

// SagaWrites are the writes of sagas, with the reads that they need: a record is
// made whatever stands there (the operation), one if there is none (the user),
// both are read, and replaced if they are unchanged.
func SagaWrites(ctx context.Context, state sidecar.State) (int, error) {
	writes := someWrites()
	keys := make([]string, len(writes))
	for i := range writes {
		keys[i] = writes[i].Key
		if i%2 == 1 {
			writes[i].When = sidecar.IfAbsent
		}
	}
	if _, err := state.Save(ctx, writes); err != nil {
		return 0, err
	}
	records, err := state.Get(ctx, keys)
	if err != nil {
		return 0, err
	}
	for i := range writes {
		writes[i].When, writes[i].ETag = sidecar.IfUnchanged, records[i].ETag
	}
	_, err = state.Save(ctx, writes)
	return 2 * writesAtOnce, err
}

// someWrites are records as large as an operation.
func someWrites() []sidecar.Write {
	writes := make([]sidecar.Write, writesAtOnce)
	for i := range writes {
		writes[i] = sidecar.Write{Key: service.ProbePrefix + uuid.NewString(), Value: make([]byte, 300)}
	}
	return writes
}
