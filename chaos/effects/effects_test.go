package effects_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"registration.example/chaos/effects"
	"registration.example/load/ledger"
)

// Documents as the services store them.
const (
	completed = `{"uuid":"ea4f3ba8-8bfe-4a75-8f26-90227d49d4d2","type":"user-create","state":"completed","createdAt":"2026-11-23T19:20:06Z",
		"data":{"name":"hans","uuid":"5f6848bc-5d9c-5043-bbd3-6fe701f6a346","approved":true},"response":{"state":"completed"}}`
	pending = `{"uuid":"7371c132-2217-49d9-a54f-f22910ea1366","type":"user-create","state":"pending","data":{"name":"otto"}}`
	user    = `{"uuid":"5f6848bc-5d9c-5043-bbd3-6fe701f6a346","name":"hans","operationId":"ea4f3ba8-8bfe-4a75-8f26-90227d49d4d2","state":"approved"}`
)

var (
	completedID = uuid.MustParse("ea4f3ba8-8bfe-4a75-8f26-90227d49d4d2")
	pendingID   = uuid.MustParse("7371c132-2217-49d9-a54f-f22910ea1366")
	userID      = uuid.MustParse("5f6848bc-5d9c-5043-bbd3-6fe701f6a346")
)

// row is a row as the sidecar writes it.
type row struct {
	key, value string
	binary     bool
}

// database makes a service's file, as the sidecar would.
func database(t *testing.T, folder, app string, rows ...row) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, app), 0o750); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, app, app+".db")+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	// Open until the test has ended: reading has to work beside a writer.
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE state (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.binary {
			r.value = base64.StdEncoding.EncodeToString([]byte(r.value))
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO state VALUES (?, ?, ?)", r.key, r.value, r.binary); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadSQLite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	database(t, folder, "operation-service",
		row{"operation-service||" + completedID.String(), completed, true},
		row{"operation-service||" + pendingID.String(), pending, false},
		row{"operation-service||probe/1", "x", true},
		row{"other||" + userID.String(), "x", false})
	database(t, folder, "user-service", row{"user-service||" + userID.String(), user, true})

	got, err := effects.Read(t.Context(), effects.SQLite{Folder: folder}, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got.Operations, func(a, b effects.Operation) int { return strings.Compare(a.State, b.State) })
	done := effects.Operation{Key: completedID.String(), ID: completedID, State: effects.Completed}
	done.Data.Name, done.Data.User, done.Data.Approved = "hans", userID, true
	open := effects.Operation{Key: pendingID.String(), ID: pendingID, State: "pending"}
	open.Data.Name = "otto"
	want := effects.Stored{
		Operations: []effects.Operation{done, open},
		Users:      []effects.User{{Key: userID.String(), ID: userID, Name: "hans", Operation: completedID, State: effects.Approved}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !done.Ended() || open.Ended() || !got.Users[0].Decided() || ledger.UserID(completedID) != userID {
		t.Error("an end is not told from what is no end")
	}
}

func TestReadLeavesOutWhatStoodBefore(t *testing.T) {
	t.Parallel()
	store := documents{"operation-service": {"a": []byte("no JSON")}, "user-service": {"a": []byte("{")}}
	before, err := effects.ReadKeys(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	store["operation-service"]["b"], store["user-service"]["c"] = []byte(completed), []byte(user)
	got, err := effects.Read(t.Context(), store, before)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Operations) != 1 || got.Operations[0].Key != "b" || len(got.Users) != 1 || got.Users[0].Key != "c" {
		t.Errorf("got %+v", got)
	}
}

// documents is a store in memory; an app that is missing is an error.
type documents map[string]map[string][]byte

var errAway = errors.New("away")

func (d documents) Documents(_ context.Context, app string) (map[string][]byte, error) {
	if d[app] == nil {
		return nil, errAway
	}
	return d[app], nil
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	good := documents{"operation-service": {"a": []byte(completed)}, "user-service": {"b": []byte(user)}}
	for name, test := range map[string]struct {
		change func(documents)
		want   string
	}{
		"no operations":    {func(d documents) { delete(d, "operation-service") }, "operation-service"},
		"no users":         {func(d documents) { delete(d, "user-service") }, "user-service"},
		"no JSON":          {func(d documents) { d["user-service"] = map[string][]byte{"key": []byte("{")} }, "key"},
		"another document": {func(d documents) { d["operation-service"] = map[string][]byte{"key": []byte(`{"uuid":7}`)} }, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := maps.Clone(good)
			test.change(store)
			if _, err := effects.Read(t.Context(), store, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to name %q", err, test.want)
			}
		})
	}
	if _, err := effects.Read(t.Context(), effects.SQLite{Folder: t.TempDir()}, nil); err == nil {
		t.Error("a file that does not exist was read")
	}
}
