package app

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

func (s *system) getting(t *testing.T, id uuid.UUID) func() *http.Response {
	t.Helper()
	return func() *http.Response { return s.get(t, id) }
}

func TestConcurrentRequestsShareARead(t *testing.T) {
	t.Parallel()
	first, second, unknown := pendingOperation(), pendingOperation(), pendingOperation()
	cases := map[string]struct {
		batch int
		ids   []uuid.UUID // asked for at once
		want  []int       // statuses
		read  []int       // sizes of batches
	}{
		"all in one":        {10, []uuid.UUID{first.UUID, second.UUID}, []int{200, 200}, []int{2}},
		"one operation":     {10, []uuid.UUID{first.UUID, first.UUID, first.UUID}, []int{200, 200, 200}, []int{1}},
		"one is unknown":    {10, []uuid.UUID{first.UUID, unknown.UUID, second.UUID}, []int{200, 404, 200}, []int{3}},
		"more than a batch": {2, []uuid.UUID{first.UUID, second.UUID, first.UUID}, []int{200, 200, 200}, []int{2, 1}},
		"some among others": {10, []uuid.UUID{second.UUID, first.UUID, second.UUID, unknown.UUID}, []int{200, 200, 200, 404}, []int{3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, count := idle(t, c.batch, 100)
				stored(t, s.state, first, second)
				requests := make([]func() *http.Response, len(c.ids))
				for i, id := range c.ids {
					requests[i] = s.getting(t, id)
				}
				got := sendAll(func() { s.work(t) }, requests...)
				if diff := cmp.Diff(c.want, got.statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.read, count.read); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
				for i, answer := range got {
					if answer.StatusCode == http.StatusOK && read[view](t, answer, http.StatusOK).UUID != c.ids[i] {
						t.Errorf("request %d got another operation", i)
					}
				}
			})
		})
	}
}

func TestTooManyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := idle(t, 10, 1)
		o := pendingOperation()
		stored(t, s.state, o)
		got := sendAll(func() { s.work(t) }, s.getting(t, o.UUID), s.getting(t, o.UUID))
		if diff := cmp.Diff([]int{200, 503}, got.statuses()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if p := read[service.Problem](t, got[1], http.StatusServiceUnavailable); p.Code != "overloaded" || got[1].Header.Get("Retry-After") != "1" {
			t.Errorf("got %+v, %v", p, got[1].Header)
		}
	})
}

// TestWhoWaitedIsForgotten: whatever way a wait ends, nothing is kept of it.
func TestWhoWaitedIsForgotten(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		method, path string
		fail         error
		leaves       time.Duration // when the client goes away
	}{
		"it does not end":         {http.MethodGet, "", nil, time.Hour},
		"the client goes away":    {http.MethodGet, "", nil, time.Second},
		"it is unknown":           {http.MethodGet, "/operations/" + uuid.NewString(), nil, time.Hour},
		"the database is away":    {http.MethodGet, "", sidecar.ErrUnavailable, time.Hour},
		"a new one does not end":  {http.MethodPost, "/operations/user-create", nil, time.Hour},
		"a new one is not stored": {http.MethodPost, "/operations/user-create", sidecar.ErrUnavailable, time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				state, o := memory.NewState(), pendingOperation()
				stored(t, state, o)
				state.Fail(c.fail)
				if c.path == "" {
					c.path = "/operations/" + o.UUID.String()
				}
				s := newRest(t, state)
				ctx, leave := context.WithTimeout(t.Context(), c.leaves)
				defer leave()
				router := mux.NewRouter()
				s.routes(router)
				ask(t, withContext(ctx, router), c.method, c.path, `{"name":"hans"}`, asJSON, "Prefer: wait=10")
				if len(s.waiters.channels) > 0 {
					t.Errorf("kept %v", s.waiters.channels)
				}
			})
		})
	}
}

// newRest makes what answers clients, with its workers, on a state.
func newRest(t *testing.T, state sidecar.State) *rest {
	t.Helper()
	accept := &acceptor{store: store{state}, broker: memory.NewBroker(), metrics: newMetrics(service.NewRegistry()), logger: slog.New(slog.DiscardHandler)}
	read := &reader{store: store{state}}
	s := &rest{
		accepts: service.NewGatherer(10, 10, accept.handle), reads: service.NewGatherer(10, 10, read.handle),
		waiters: newWaiters(), logger: accept.logger, problems: service.CountProblems(prometheus.NewRegistry()), deadline: testDeadline,
	}
	go s.accepts.Work(t.Context())
	go s.reads.Work(t.Context())
	return s
}

// withContext gives requests the context of a client that may go away.
func withContext(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.WithContext(ctx)) })
}
