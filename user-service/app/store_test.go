package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/sidecar"
	"registration.example/sidecar/memory"
	"registration.example/user-service/user"
)

// racing is a state in which another replica comes first: before the next
// save it does before. It remembers the sizes of the batches that were saved.
type racing struct {
	*memory.State
	before func()
	saved  []int
}

func (r *racing) Save(ctx context.Context, writes []sidecar.Write) ([]sidecar.Result, error) {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	r.saved = append(r.saved, len(writes))
	return r.State.Save(ctx, writes)
}

func pendingUser() user.User {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	return user.New(uuid.New(), uuid.New(), "hans", at, at.Add(time.Hour), at)
}

func in(u user.User, state user.State) user.User {
	u.State = state
	return u
}

func TestStoreCreatesOnce(t *testing.T) {
	t.Parallel()
	there, fresh := pendingUser(), pendingUser()
	approved := in(there, user.Approved)
	state := &racing{State: memory.NewState()}
	put(t, state.State, approved)

	standing, existed, err := store{state}.create(t.Context(), []user.User{there, fresh})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]user.User{approved, fresh}, standing); diff != "" {
		t.Errorf("standing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{true, false}, existed); diff != "" {
		t.Errorf("existed (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{2}, state.saved); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestStoreReplacesWhatStandsUnchanged(t *testing.T) {
	t.Parallel()
	u := pendingUser()
	cases := map[string]struct {
		meanwhile []user.User
		standing  user.State
		existed   bool
		err       error
	}{
		"unchanged":                 {nil, user.Approved, false, nil},
		"decided meanwhile":         {[]user.User{in(u, user.NotApproved)}, user.NotApproved, true, nil},
		"decided the same":          {[]user.User{in(u, user.Approved)}, user.Approved, true, nil},
		"changed but still pending": {[]user.User{u}, "", false, sidecar.ErrUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := &racing{State: memory.NewState()}
			put(t, state.State, u)
			found, err := store{state}.get(t.Context(), u.UUID)
			if err != nil {
				t.Fatal(err)
			}
			state.before = func() { put(t, state.State, c.meanwhile...) }
			standing, existed, err := store{state}.replace(t.Context(), []kept{{User: in(u, user.Approved), etag: found[0].etag}})
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if c.err == nil && (standing[0].State != c.standing || existed[0] != c.existed) {
				t.Errorf("got %+v, existed %v", standing[0], existed[0])
			}
		})
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	u := pendingUser()
	calls := map[string]func(store) error{
		"get":     func(s store) error { _, err := s.get(t.Context(), u.UUID); return err },
		"create":  func(s store) error { _, _, err := s.create(t.Context(), []user.User{u}); return err },
		"replace": func(s store) error { _, _, err := s.replace(t.Context(), []kept{{User: u, etag: "x"}}); return err },
	}
	for name, call := range calls {
		state := memory.NewState()
		state.Fail(sidecar.ErrUnavailable)
		if err := call(store{state}); !errors.Is(err, sidecar.ErrUnavailable) {
			t.Errorf("%s while the database is away: %v", name, err)
		}
		state.Fail(nil)
		if _, err := state.Save(t.Context(), []sidecar.Write{{Key: u.UUID.String(), Value: []byte("{")}}); err != nil {
			t.Fatal(err)
		}
		if err := call(store{state}); err == nil || errors.Is(err, sidecar.ErrUnavailable) {
			t.Errorf("%s of what cannot be read: %v", name, err)
		}
	}
}
