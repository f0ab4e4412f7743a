// Package conformance says what every implementation of the sidecar's verbs
// must do, as tests that are run over each: in memory, and on real sidecars
// with each database and broker at hand.
package conformance

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/sidecar"
)

// State runs the suite over a state. It uses fresh keys, so that the state may
// hold other records.
func State(t *testing.T, state sidecar.State) {
	t.Helper()
	cases := map[string]func(*testing.T, sidecar.State){
		"read what was written":               readWritten,
		"values come back as they were":       roundTrip,
		"nothing is found where nothing is":   absent,
		"if absent, the first write stays":    firstWrites,
		"if unchanged, a stale tag conflicts": staleTag,
		"a batch is settled key by key":       mixedBatch,
		"one of many writers is first":        oneFirst,
		"one of many updates is first":        oneUpdate,
		"a large batch":                       largeBatch,
	}
	for name, check := range cases {
		t.Run(name, func(t *testing.T) { check(t, state) })
	}
}

// key gives a key that was never used.
func key() string { return uuid.NewString() }

func save(t *testing.T, state sidecar.State, writes ...sidecar.Write) []sidecar.Result {
	t.Helper()
	results, err := state.Save(t.Context(), writes)
	if err != nil {
		t.Fatalf("save: %v", err)
	}
	return results
}

func get(t *testing.T, state sidecar.State, keys ...string) []sidecar.Record {
	t.Helper()
	records, err := state.Get(t.Context(), keys)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return records
}

func wantOutcomes(t *testing.T, results []sidecar.Result, want ...sidecar.Outcome) {
	t.Helper()
	got := make([]sidecar.Outcome, len(results))
	for i, result := range results {
		got[i] = result.Outcome
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("outcomes (-want +got):\n%s", diff)
	}
}

func readWritten(t *testing.T, state sidecar.State) {
	k := key()
	wantOutcomes(t, save(t, state, sidecar.Write{Key: k, Value: []byte(`{"a":1}`)}), sidecar.Written)
	first := get(t, state, k)[0]
	if !first.Found || string(first.Value) != `{"a":1}` || first.ETag == "" || first.Key != k {
		t.Fatalf("got %+v", first)
	}
	wantOutcomes(t, save(t, state, sidecar.Write{Key: k, Value: []byte(`{"a":2}`), When: sidecar.IfUnchanged, ETag: first.ETag}), sidecar.Written)
	second := get(t, state, k)[0]
	if string(second.Value) != `{"a":2}` || second.ETag == first.ETag {
		t.Fatalf("got %+v after %+v", second, first)
	}
}

// roundTrip holds the values that databases are known to change: MongoDB
// evaluates "$x" in a document.
func roundTrip(t *testing.T, state sidecar.State) {
	for _, value := range []string{
		`{"name":"$x"}`, `{"name":"$$NOW"}`, `{"$set":{"name":"x"}}`, `{"a.b":"c.d"}`, `{"name":"'\"\\"}`,
		`{"name":"\u0000\u0001\u001f\u007f"}`, `{"n":9007199254740993}`, `"text"`, `7`, `null`, `[]`, " {} ", "\x00\xff\xfe", "$x",
		`{"name":"` + strings.Repeat("漢", 256) + `"}`, `{"name":"` + strings.Repeat("👩‍👩‍👧", 64) + `"}`, `{"name":"مرحبا — ñandú — ẞ"}`,
	} {
		k := key()
		save(t, state, sidecar.Write{Key: k, Value: []byte(value)})
		if got := get(t, state, k)[0]; string(got.Value) != value {
			t.Errorf("saved %q, got %q", value, got.Value)
		}
	}
}

func absent(t *testing.T, state sidecar.State) {
	present, missing := key(), key()
	save(t, state, sidecar.Write{Key: present, Value: []byte("x")})
	records := get(t, state, missing, present)
	if records[0].Found || records[0].Key != missing || !records[1].Found {
		t.Fatalf("got %+v", records)
	}
	results := save(t, state, sidecar.Write{Key: missing, Value: []byte("x"), When: sidecar.IfUnchanged, ETag: records[1].ETag})
	if results[0].Outcome == sidecar.Written {
		// state.mongodb inserts here; no service replaces what it has not read.
		t.Log("a replacement of nothing was written")
	}
}

func firstWrites(t *testing.T, state sidecar.State) {
	k := key()
	wantOutcomes(t, save(t, state, sidecar.Write{Key: k, Value: []byte("first"), When: sidecar.IfAbsent}), sidecar.Written)
	results := save(t, state, sidecar.Write{Key: k, Value: []byte("second"), When: sidecar.IfAbsent})
	wantOutcomes(t, results, sidecar.Existed)
	if got := results[0].Record; string(got.Value) != "first" || got.ETag == "" || got.Key != k {
		t.Fatalf("existed: %+v", got)
	}
}

func staleTag(t *testing.T, state sidecar.State) {
	k := key()
	save(t, state, sidecar.Write{Key: k, Value: []byte("1")})
	stale := get(t, state, k)[0].ETag
	save(t, state, sidecar.Write{Key: k, Value: []byte("2")})
	results := save(t, state, sidecar.Write{Key: k, Value: []byte("3"), When: sidecar.IfUnchanged, ETag: stale})
	wantOutcomes(t, results, sidecar.Conflict)
	if got := results[0].Record; string(got.Value) != "2" || !got.Found {
		t.Fatalf("conflict: %+v", got)
	}
}

// mixedBatch is a redelivered batch with other borders: some of it is there
// already, and that must not roll the rest back.
func mixedBatch(t *testing.T, state sidecar.State) {
	existing, fresh, stale, current, plain := key(), key(), key(), key(), key()
	save(t, state, sidecar.Write{Key: existing, Value: []byte("old")}, sidecar.Write{Key: stale, Value: []byte("old")}, sidecar.Write{Key: current, Value: []byte("old")})
	old := get(t, state, stale, current)
	save(t, state, sidecar.Write{Key: stale, Value: []byte("newer")})
	wantOutcomes(t, save(t, state,
		sidecar.Write{Key: existing, Value: []byte("new"), When: sidecar.IfAbsent},
		sidecar.Write{Key: fresh, Value: []byte("new"), When: sidecar.IfAbsent},
		sidecar.Write{Key: stale, Value: []byte("new"), When: sidecar.IfUnchanged, ETag: old[0].ETag},
		sidecar.Write{Key: current, Value: []byte("new"), When: sidecar.IfUnchanged, ETag: old[1].ETag},
		sidecar.Write{Key: plain, Value: []byte("new")},
	), sidecar.Existed, sidecar.Written, sidecar.Conflict, sidecar.Written, sidecar.Written)
	var values []string
	for _, record := range get(t, state, existing, fresh, stale, current, plain) {
		values = append(values, string(record.Value))
	}
	if diff := cmp.Diff([]string{"old", "new", "newer", "new", "new"}, values); diff != "" {
		t.Fatalf("values (-want +got):\n%s", diff)
	}
}

// writers is how many compete; each with a batch of overlapping keys.
const writers = 8

// oneFirst has writers compete for keys, each with a batch of another size: a
// store may treat a few writes otherwise than many.
func oneFirst(t *testing.T, state sidecar.State) {
	for range 5 {
		keys := make([]string, writers)
		for i := range keys {
			keys[i] = key()
		}
		firsts := compete(t, func(writer int) ([]sidecar.Result, error) {
			writes := make([]sidecar.Write, writer+1)
			for i := range writes {
				k := keys[(writer+i)%len(keys)]
				writes[i] = sidecar.Write{Key: k, Value: fmt.Appendf(nil, "writer %d", writer), When: sidecar.IfAbsent}
			}
			return state.Save(t.Context(), writes)
		})
		if firsts != len(keys) {
			t.Fatalf("%d writes were first, want one for each of %d keys", firsts, len(keys))
		}
	}
}

func oneUpdate(t *testing.T, state sidecar.State) {
	k := key()
	save(t, state, sidecar.Write{Key: k, Value: []byte("old")})
	etag := get(t, state, k)[0].ETag
	firsts := compete(t, func(writer int) ([]sidecar.Result, error) {
		return state.Save(t.Context(), []sidecar.Write{{Key: k, Value: fmt.Appendf(nil, "writer %d", writer), When: sidecar.IfUnchanged, ETag: etag}})
	})
	if firsts != 1 {
		t.Fatalf("%d updates of one version succeeded, want 1", firsts)
	}
}

// compete runs writers at once and counts their writes that were Written.
func compete(t *testing.T, save func(writer int) ([]sidecar.Result, error)) int {
	t.Helper()
	var wait sync.WaitGroup
	results, errs := make([][]sidecar.Result, writers), make([]error, writers)
	for writer := range writers {
		wait.Go(func() { results[writer], errs[writer] = save(writer) })
	}
	wait.Wait()
	written := 0
	for writer := range writers {
		if errs[writer] != nil {
			t.Fatalf("writer %d: %v", writer, errs[writer])
		}
		for _, result := range results[writer] {
			if result.Outcome == sidecar.Written {
				written++
			}
		}
	}
	return written
}

func largeBatch(t *testing.T, state sidecar.State) {
	const size = 500 // the largest bulk of a subscription
	writes, keys := make([]sidecar.Write, size), make([]string, size)
	for i := range writes {
		keys[i] = key()
		writes[i] = sidecar.Write{Key: keys[i], Value: []byte(keys[i]), When: sidecar.IfAbsent}
	}
	save(t, state, writes...)
	for i, record := range get(t, state, keys...) {
		if string(record.Value) != keys[i] {
			t.Fatalf("record %d: got %q, want %q", i, record.Value, keys[i])
		}
	}
}
