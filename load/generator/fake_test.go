package generator

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"registration.example/load/ledger"
	"registration.example/load/pause"
)

// fake is both services in memory: right by default, wrong where a test says.
// Each hook gets the number of the operation, from 0 in order of creation.
type fake struct {
	takes  time.Duration                       // from creation to the end
	answer func(post int) (time.Duration, int) // delay and status of the n-th POST; 0: create
	lose   func(n int) bool                    // never ends
	hide   func(n, gets int) bool              // this GET finds nothing
	bend   func(n, gets int, d *document)      // the document of an ended operation
	user   func(n int, d *userDocument)        // the document of a user

	mu    sync.Mutex
	posts int
	gets  int
	keys  map[string]*operation
	all   map[uuid.UUID]*operation
}

type operation struct {
	n, gets int
	id      uuid.UUID
	name    string
	ends    time.Time
}

type document struct {
	UUID  uuid.UUID `json:"uuid"`
	State string    `json:"state"`
	Data  struct {
		UUID     *uuid.UUID `json:"uuid,omitempty"`
		Approved *bool      `json:"approved,omitempty"`
	} `json:"data"`
}

type userDocument struct {
	UUID        uuid.UUID `json:"uuid"`
	Name        string    `json:"name"`
	State       string    `json:"state"`
	OperationID uuid.UUID `json:"operationId"`
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case r.Method == http.MethodPost:
		f.create(w, r)
	case strings.HasPrefix(r.URL.Path, "/operations/"):
		f.read(w, r, uuid.MustParse(id))
	default:
		f.readUser(w, uuid.MustParse(id))
	}
}

func (f *fake) create(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if delay, status := f.fault(); delay > 0 && pause.For(r.Context(), delay) != nil {
		return
	} else if status > 0 {
		w.WriteHeader(status)
		return
	}
	o := f.operation(body.Name, r.Header.Get("Idempotency-Key"))
	lost := f.lose != nil && f.lose(o.n)
	waited := f.waits(r, o, lost)
	w.Header().Set("Location", "/operations/"+o.id.String())
	w.WriteHeader(http.StatusAccepted)
	if waited {
		_ = json.NewEncoder(w).Encode(f.document(o, 0, lost))
	}
}

// waits waits for the end of o if the request prefers that, and says whether.
func (f *fake) waits(r *http.Request, o *operation, lost bool) bool {
	if r.Header.Get("Prefer") == "" {
		return false
	}
	wait := time.Until(o.ends)
	if lost {
		wait = watchFor
	}
	return pause.For(r.Context(), wait) == nil
}

func (f *fake) fault() (time.Duration, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts++
	if f.answer == nil {
		return 0, 0
	}
	return f.answer(f.posts - 1)
}

func (f *fake) operation(name, key string) *operation {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o := f.keys[key]; o != nil {
		return o
	}
	if f.all == nil {
		f.keys, f.all = map[string]*operation{}, map[uuid.UUID]*operation{}
	}
	o := &operation{n: len(f.all), id: uuid.New(), name: name, ends: time.Now().Add(f.takes)}
	f.all[o.id] = o
	if key != "" {
		f.keys[key] = o
	}
	return o
}

func (f *fake) read(w http.ResponseWriter, r *http.Request, id uuid.UUID) {
	f.mu.Lock()
	o := f.all[id]
	f.gets++
	o.gets++
	gets := o.gets
	f.mu.Unlock()
	if f.hide != nil && f.hide(o.n, gets) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	lost := f.lose != nil && f.lose(o.n)
	f.waits(r, o, lost)
	if r.Context().Err() != nil {
		return
	}
	_ = json.NewEncoder(w).Encode(f.document(o, gets, lost))
}

func (f *fake) document(o *operation, gets int, lost bool) document {
	d := document{UUID: o.id, State: "pending"}
	if lost || time.Now().Before(o.ends) {
		return d
	}
	user, approved := ledger.UserID(o.id), !strings.HasPrefix(o.name, "deny")
	d.State, d.Data.UUID, d.Data.Approved = "completed", &user, &approved
	if f.bend != nil {
		f.bend(o.n, gets, &d)
	}
	return d
}

func (f *fake) readUser(w http.ResponseWriter, id uuid.UUID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.all {
		if ledger.UserID(o.id) != id {
			continue
		}
		d := userDocument{UUID: id, Name: o.name, State: "approved", OperationID: o.id}
		if strings.HasPrefix(o.name, "deny") {
			d.State = "not-approved"
		}
		if f.user != nil {
			f.user(o.n, &d)
		}
		_ = json.NewEncoder(w).Encode(d)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// RoundTrip makes the fake its own network, for tests in virtual time.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// options are those of a short run against f, without a network.
func options(f *fake) Options {
	return Options{
		Target: "http://operations.test", UsersTarget: "http://users.test", Transport: f,
		Rate: 100, Count: 50, Clients: 20, Timeout: 2 * time.Second, Drain: 5 * time.Second,
		Deny: 0.3, Seed: 1, Check: 1000,
	}
}

// mustRun runs to the report.
func mustRun(ctx context.Context, t *testing.T, o Options) Report {
	t.Helper()
	report, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}
