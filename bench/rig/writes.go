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

// WriteRate is how many records a second the database takes through one
// sidecar, a hundred at a time from four callers.
func (r *Rig) WriteRate(ctx context.Context, d time.Duration) (float64, error) {
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
				if _, err := store.Save(ctx, someWrites()); err != nil {
					cancel(err)
					return
				}
				written.Add(writesAtOnce)
			}
		})
	}
	all.Wait()
	return float64(written.Load()) / time.Since(start).Seconds(), context.Cause(ctx)
}

// someWrites are records as large as an operation.
func someWrites() []sidecar.Write {
	writes := make([]sidecar.Write, writesAtOnce)
	for i := range writes {
		writes[i] = sidecar.Write{Key: service.ProbePrefix + uuid.NewString(), Value: make([]byte, 300)}
	}
	return writes
}
