// Package effects reads what a system has done from where it stands, the
// databases and the topics, without asking the services. What it needs of their
// documents is written down here a second time on purpose: a reader that shared
// their code would share their mistakes.
package effects

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The services that keep documents.
const (
	operationService = "operation-service"
	userService      = "user-service"
)

// States of operations and users.
const (
	Completed   = "completed"
	Failed      = "failed"
	Approved    = "approved"
	NotApproved = "not-approved"
)

// Operation is an operation as it is stored.
type Operation struct {
	// Key is what it is stored under.
	Key   string    `json:"-"`
	ID    uuid.UUID `json:"uuid"`
	State string    `json:"state"`
	Error string    `json:"error"`
	Data  struct {
		Name     string    `json:"name"`
		User     uuid.UUID `json:"uuid"`
		Approved bool      `json:"approved"`
	} `json:"data"`
}

// Ended says whether the state is terminal.
func (o Operation) Ended() bool { return o.State == Completed || o.State == Failed }

// User is a user as it is stored.
type User struct {
	// Key is what it is stored under.
	Key       string    `json:"-"`
	ID        uuid.UUID `json:"uuid"`
	Name      string    `json:"name"`
	Operation uuid.UUID `json:"operationId"`
	State     string    `json:"state"`
	Failure   string    `json:"failure"`
}

// Decided says whether the state is terminal.
func (u User) Decided() bool { return u.State == Approved || u.State == NotApproved }

// Stored is what stands in the databases.
type Stored struct {
	Operations []Operation
	Users      []User
}

// Store is the databases of a system.
type Store interface {
	// Documents gives a service's documents by their keys.
	Documents(ctx context.Context, app string) (map[string][]byte, error)
}

// probes are keys that services write to see whether they can.
const probes = "probe/"

// Keys are documents by their service and key.
type Keys map[string]map[string]bool

// ReadKeys tells what stands in the databases, whatever it is: a database may
// have been used before.
func ReadKeys(ctx context.Context, store Store) (Keys, error) {
	keys := Keys{}
	for _, app := range []string{operationService, userService} {
		documents, err := documents(ctx, store, app)
		if err != nil {
			return nil, err
		}
		keys[app] = map[string]bool{}
		for key := range documents {
			keys[app][key] = true
		}
	}
	return keys, nil
}

// Read reads the databases, but not what stood there before.
func Read(ctx context.Context, store Store, before Keys) (Stored, error) {
	var s Stored
	err := each(ctx, store, operationService, before, func(key string, o Operation) {
		o.Key = key
		s.Operations = append(s.Operations, o)
	})
	if err != nil {
		return s, err
	}
	return s, each(ctx, store, userService, before, func(key string, u User) {
		u.Key = key
		s.Users = append(s.Users, u)
	})
}

func documents(ctx context.Context, store Store, app string) (map[string][]byte, error) {
	found, err := store.Documents(ctx, app)
	if err != nil {
		return nil, fmt.Errorf("read the database of %s: %w", app, err)
	}
	return found, nil
}

// each decodes a service's documents.
func each[T any](ctx context.Context, store Store, app string, before Keys, f func(key string, document T)) error {
	documents, err := documents(ctx, store, app)
	if err != nil {
		return err
	}
	for key, text := range documents {
		if strings.HasPrefix(key, probes) || before[app][key] {
			continue
		}
		var document T
		if err := json.Unmarshal(text, &document); err != nil {
			return fmt.Errorf("read %s of %s: %w", key, app, err)
		}
		f(key, document)
	}
	return nil
}

// ownKey takes the service's name off a key as the sidecar stores it.
func ownKey(app, key string) (string, bool) { return strings.CutPrefix(key, app+"||") }
