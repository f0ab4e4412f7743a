package app

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"

	"registration.example/operation-service/operation"
	"registration.example/sidecar"
)

// store keeps operations, one JSON document each, under the operation's id.
type store struct{ records sidecar.State }

// kept is an operation as it stands in the store.
type kept struct {
	operation.Operation
	etag string
	// found is false where there is none.
	found bool
}

// get reads operations; the result has the order of ids.
func (s store) get(ctx context.Context, ids ...uuid.UUID) ([]kept, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = id.String()
	}
	records, err := s.records.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	operations := make([]kept, len(records))
	for i, record := range records {
		if operations[i], err = decode(record); err != nil {
			return nil, err
		}
	}
	return operations, nil
}

func decode(record sidecar.Record) (kept, error) {
	k := kept{etag: record.ETag, found: record.Found}
	if !record.Found {
		return k, nil
	}
	if err := json.Unmarshal(record.Value, &k.Operation); err != nil {
		return kept{}, fmt.Errorf("stored operation %s: %w", record.Key, err)
	}
	return k, nil
}

// write makes the store's write of an operation.
func write(o operation.Operation, when sidecar.Condition, etag string) (sidecar.Write, error) {
	value, err := json.Marshal(o)
	if err != nil {
		return sidecar.Write{}, fmt.Errorf("operation %s: %w", o.UUID, err)
	}
	return sidecar.Write{Key: o.UUID.String(), Value: value, When: when, ETag: etag}, nil
}
