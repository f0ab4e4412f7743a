package app

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"

	"registration.example/sidecar"
	"registration.example/user-service/user"
)

// store keeps users, one JSON document each, under the user's id.
type store struct{ records sidecar.State }

// kept is a user as it stands in the store.
type kept struct {
	user.User
	etag string
	// found is false where there is none.
	found bool
}

// get reads users; the result has the order of ids.
func (s store) get(ctx context.Context, ids ...uuid.UUID) ([]kept, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = id.String()
	}
	records, err := s.records.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	users := make([]kept, len(records))
	for i, record := range records {
		if users[i], err = decode(record); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// create stores users that do not exist yet. It gives each as it stands then,
// in the same order, and which were there before.
func (s store) create(ctx context.Context, users []user.User) (standing []user.User, existed []bool, err error) {
	writes := make([]sidecar.Write, len(users))
	for i, u := range users {
		if writes[i], err = write(u, sidecar.IfAbsent, ""); err != nil {
			return nil, nil, err
		}
	}
	results, err := s.records.Save(ctx, writes)
	if err != nil {
		return nil, nil, err
	}
	standing, existed = make([]user.User, len(users)), make([]bool, len(users))
	for i, result := range results {
		standing[i] = users[i]
		if result.Outcome == sidecar.Existed {
			first, err := decode(result.Record)
			if err != nil {
				return nil, nil, err
			}
			standing[i], existed[i] = first.User, true
		}
	}
	return standing, existed, nil
}

// replace stores users that changed. It gives each as it stands then: where
// another replica was first, its decision stays.
func (s store) replace(ctx context.Context, changed []kept) (standing []user.User, existed []bool, err error) {
	writes := make([]sidecar.Write, len(changed))
	for i, u := range changed {
		if writes[i], err = write(u.User, sidecar.IfUnchanged, u.etag); err != nil {
			return nil, nil, err
		}
	}
	results, err := s.records.Save(ctx, writes)
	if err != nil {
		return nil, nil, err
	}
	standing, existed = make([]user.User, len(changed)), make([]bool, len(changed))
	for i, result := range results {
		standing[i] = changed[i].User
		if result.Outcome == sidecar.Conflict {
			first, err := decode(result.Record)
			if err != nil {
				return nil, nil, err
			}
			if !first.found || !first.Decided() {
				return nil, nil, fmt.Errorf("user %s changed meanwhile: %w", writes[i].Key, sidecar.ErrUnavailable)
			}
			standing[i], existed[i] = first.User, true
		}
	}
	return standing, existed, nil
}

func decode(record sidecar.Record) (kept, error) {
	k := kept{etag: record.ETag, found: record.Found}
	if !record.Found {
		return k, nil
	}
	if err := json.Unmarshal(record.Value, &k.User); err != nil {
		return kept{}, fmt.Errorf("stored user %s: %w", record.Key, err)
	}
	return k, nil
}

func write(u user.User, when sidecar.Condition, etag string) (sidecar.Write, error) {
	value, err := json.Marshal(u)
	if err != nil {
		return sidecar.Write{}, fmt.Errorf("user %s: %w", u.UUID, err)
	}
	return sidecar.Write{Key: u.UUID.String(), Value: value, When: when, ETag: etag}, nil
}
