package sidecar_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"registration.example/sidecar"
	"registration.example/sidecar/conformance"
)

const (
	transaction = "ExecuteStateTransaction"
	bulkSave    = "SaveState"
	bulkGet     = "GetBulkState"
	getMetadata = "GetMetadata"
)

// writeCall is the call that writes a batch into each type of component.
var writeCall = map[string]string{sqlite: transaction, mongodb: bulkSave}

// forEachKind runs a test over the fake as each type of component.
func forEachKind(t *testing.T, check func(t *testing.T, kind string)) {
	t.Helper()
	for kind := range writeCall {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			check(t, kind)
		})
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, kind string) {
		f := &fake{kind: kind}
		conformance.State(t, connect(t, f).Store("statestore"))
		called := f.called()
		if called[getMetadata] != 1 {
			t.Errorf("asked %d times for the type of the component", called[getMetadata])
		}
		for _, call := range writeCall {
			if used := called[call] > 0; used != (call == writeCall[kind]) {
				t.Errorf("%s was called %d times", call, called[call])
			}
		}
	})
}

// fresh gives writes of n keys where nothing stands.
func fresh(n int) []sidecar.Write {
	writes := make([]sidecar.Write, n)
	for i := range writes {
		writes[i] = sidecar.Write{Key: fmt.Sprint("key", i), Value: fmt.Append(nil, "value", i), When: sidecar.IfAbsent}
	}
	return writes
}

func TestSaveIsOneCall(t *testing.T) {
	t.Parallel()
	again := map[string]sidecar.Outcome{sqlite: sidecar.Existed, mongodb: sidecar.Written}
	// SQLite reads before each save, so that the second has nothing to write;
	// MongoDB reads when it has failed.
	calls := map[string]map[string]int{
		sqlite:  {getMetadata: 1, transaction: 1, bulkGet: 2},
		mongodb: {getMetadata: 1, bulkSave: 2, bulkGet: 1},
	}
	forEachKind(t, func(t *testing.T, kind string) {
		f := &fake{kind: kind}
		store := connect(t, f).Store("statestore")
		// The second finds all of them; whose they are can be told only where a
		// batch is written whole.
		for _, want := range []sidecar.Outcome{sidecar.Written, again[kind]} {
			results, err := store.Save(t.Context(), fresh(100))
			if err != nil {
				t.Fatal(err)
			}
			for i, result := range results {
				if result.Outcome != want {
					t.Fatalf("write %d: outcome %v, want %v", i, result.Outcome, want)
				}
			}
		}
		if diff := cmp.Diff(calls[kind], f.called()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestNothingIsNoCall(t *testing.T) {
	t.Parallel()
	f := &fake{kind: sqlite}
	client := connect(t, f)
	results, saveErr := client.Store("statestore").Save(t.Context(), nil)
	records, getErr := client.Store("statestore").Get(t.Context(), nil)
	publishErr := client.Publish(t.Context(), "pubsub", "user-create", nil)
	if err := errors.Join(saveErr, getErr, publishErr); err != nil || len(results)+len(records)+len(f.called()) != 0 {
		t.Errorf("results %v, records %v, calls %v: %v", results, records, f.called(), err)
	}
}

// TestLostAnswer: what was written although the call failed must neither be
// lost nor be written twice.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, kind string) {
		f := &fake{kind: kind}
		var lost atomic.Bool
		f.after = func(method string) error {
			if method == writeCall[kind] && lost.CompareAndSwap(false, true) {
				return status.Error(codes.Unavailable, "the answer is lost")
			}
			return nil
		}
		results, err := connect(t, f).Store("statestore").Save(t.Context(), fresh(1))
		if err != nil {
			t.Fatal(err)
		}
		switch got := results[0]; got.Outcome {
		case sidecar.Written:
		case sidecar.Existed:
			if string(got.Record.Value) != "value0" || kind == mongodb {
				t.Errorf("got %+v", got)
			}
		case sidecar.Conflict:
			t.Errorf("got %+v", got)
		}
		if got := f.records["key0"].etag; got != "v1" {
			t.Errorf("version %s, want the first", got)
		}
	})
}

// TestRefusedKey: a store that refuses one key for ever is an error, not a loop.
func TestRefusedKey(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, kind string) {
		f := &fake{kind: kind, refused: "key1"}
		_, err := connect(t, f).Store("statestore").Save(t.Context(), fresh(3))
		if !errors.Is(err, sidecar.ErrUnavailable) || errors.Is(err, sidecar.ErrBroker) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if calls := f.called()[writeCall[kind]]; calls > 2 {
			t.Errorf("%d attempts to write", calls)
		}
		_, written := f.records["key2"]
		if written != (kind == mongodb) {
			t.Errorf("the other keys were written: %v", written)
		}
	})
}

// TestGuard: a record that is made between the read and the write of a batch
// stays, and the rest of the batch is written.
func TestGuard(t *testing.T) {
	t.Parallel()
	for name, used := range map[string]int{"new store": 0, "used store": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			madeMeanwhile(t, used)
		})
	}
}

func madeMeanwhile(t *testing.T, used int) {
	t.Helper()
	f := &fake{kind: sqlite}
	other := connect(t, f).Store("statestore")
	for i := range used {
		if _, err := other.Save(t.Context(), []sidecar.Write{{Key: fmt.Sprint("used", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	var once sync.Once
	f.after = func(method string) error {
		if method == bulkGet {
			once.Do(func() {
				if _, err := other.Save(t.Context(), []sidecar.Write{{Key: "key7", Value: []byte("first"), When: sidecar.IfAbsent}}); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}
	results, err := dial(t, f.address, callTimeout).Store("statestore").Save(t.Context(), fresh(10))
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		want := sidecar.Written
		if i == 7 {
			want = sidecar.Existed
		}
		if result.Outcome != want {
			t.Errorf("write %d: outcome %v, want %v", i, result.Outcome, want)
		}
	}
	if got := string(results[7].Record.Value); got != "first" || string(f.records["key7"].value) != got {
		t.Errorf("found %q, stands %q", got, f.records["key7"].value)
	}
}

// TestEndlessConflicts: another writer takes one key of the batch before each
// attempt. That ends, at the latest with an error.
func TestEndlessConflicts(t *testing.T) {
	t.Parallel()
	f := &fake{kind: sqlite}
	var taken atomic.Int32
	f.before = func(_ context.Context, method string) error {
		if method == transaction {
			f.mu.Lock()
			defer f.mu.Unlock()
			another := item{value: []byte("another's"), etag: fmt.Sprint("another's", taken.Load())}
			f.records[fmt.Sprint("key", taken.Add(1)-1)] = another
			f.records["probe/creations"] = another // it goes through a Store, too
		}
		return nil
	}
	_, err := connect(t, f).Store("statestore").Save(t.Context(), fresh(100))
	if !errors.Is(err, sidecar.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if attempts := f.called()[transaction]; attempts < 2 || attempts > 50 {
		t.Errorf("%d attempts", attempts)
	}
}

func TestReadingBackFails(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, kind string) {
		f := &fake{kind: kind, itemError: "no primary"}
		store := connect(t, f).Store("statestore")
		if _, err := store.Save(t.Context(), fresh(1)); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Save(t.Context(), fresh(2)); !errors.Is(err, sidecar.ErrUnavailable) {
			t.Errorf("save: got %v, want ErrUnavailable", err)
		}
		if _, err := store.Get(t.Context(), []string{"key0"}); !errors.Is(err, sidecar.ErrUnavailable) {
			t.Errorf("get: got %v, want ErrUnavailable", err)
		}
	})
}

// TestComponentIsLoadedLater: the first calls come before the component.
func TestComponentIsLoadedLater(t *testing.T) {
	t.Parallel()
	f := &fake{}
	store := connect(t, f).Store("statestore")
	for range 2 {
		if _, err := store.Save(t.Context(), fresh(1)); !errors.Is(err, sidecar.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
	f.mu.Lock()
	f.kind = sqlite
	f.mu.Unlock()
	if _, err := store.Save(t.Context(), fresh(1)); err != nil {
		t.Fatal(err)
	}
	if called := f.called(); called[transaction] != 1 || called[bulkSave] != 0 {
		t.Errorf("calls: %v", called)
	}
}

// TestLargeRecord: a batch may be larger than the 4 MiB that gRPC allows by default.
func TestLargeRecord(t *testing.T) {
	t.Parallel()
	store := connect(t, &fake{kind: sqlite}).Store("statestore")
	large := bytes.Repeat([]byte("x"), 8<<20)
	if _, err := store.Save(t.Context(), []sidecar.Write{{Key: "large", Value: large}}); err != nil {
		t.Fatal(err)
	}
	records, err := store.Get(t.Context(), []string{"large"})
	if err != nil || !bytes.Equal(records[0].Value, large) {
		t.Errorf("got %d bytes: %v", len(records[0].Value), err)
	}
}
