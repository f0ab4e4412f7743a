package app

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// counting is a state that knows the sizes of the batches that were saved and
// read.
type counting struct {
	sidecar.State
	mu          sync.Mutex
	saved, read []int
}

func (c *counting) Save(ctx context.Context, writes []sidecar.Write) ([]sidecar.Result, error) {
	c.mu.Lock()
	c.saved = append(c.saved, len(writes))
	c.mu.Unlock()
	return c.State.Save(ctx, writes)
}

func (c *counting) Get(ctx context.Context, keys []string) ([]sidecar.Record, error) {
	c.mu.Lock()
	c.read = append(c.read, len(keys))
	c.mu.Unlock()
	return c.State.Get(ctx, keys)
}

// idle starts a system whose workers wait for the test's word, and whose
// batches are counted.
func idle(t *testing.T, batch, queue int) (*system, *counting) {
	t.Helper()
	count := &counting{}
	s := start(t, func(s *settings) {
		s.batch, s.queue, s.worker, s.idle = batch, queue, 1, true
		s.records = func(state *memory.State) sidecar.State {
			count.State = state
			return count
		}
	})
	return s, count
}

// answers are those to concurrent requests, in the order of the requests.
type answers []*http.Response

func (a answers) statuses() []int {
	statuses := make([]int, len(a))
	for i, answer := range a {
		statuses[i] = answer.StatusCode
	}
	return statuses
}

// sendAll sends requests concurrently, runs meanwhile when all of them wait,
// and gives their answers. It must be called in a bubble.
func sendAll(meanwhile func(), requests ...func() *http.Response) answers {
	got := make(answers, len(requests))
	var wg sync.WaitGroup
	for i, request := range requests {
		wg.Go(func() { got[i] = request() })
		synctest.Wait() // so that they queue up in order
	}
	meanwhile()
	wg.Wait()
	return got
}

func (s *system) posting(t *testing.T, body string, headers ...string) func() *http.Response {
	t.Helper()
	return func() *http.Response { return s.post(t, body, headers...) }
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	const key = "Idempotency-Key: key"
	cases := map[string]struct {
		body      string
		ended     bool
		status    int
		published int
	}{
		"the same body":                     {`{"name":"hans"}`, false, http.StatusAccepted, 1},
		"the same body, written otherwise":  {"{ \"n\\u0061me\": \"h\\u0061ns\" }", false, http.StatusAccepted, 1},
		"the same body, when it has ended":  {`{"name":"hans"}`, true, http.StatusAccepted, 0},
		"another body":                      {`{"name":"otto"}`, false, http.StatusUnprocessableEntity, 0},
		"another body, when it has ended":   {`{"name":"otto"}`, true, http.StatusUnprocessableEntity, 0},
		"a body that differs in case alone": {`{"name":"Hans"}`, false, http.StatusUnprocessableEntity, 0},
	}
	for name, c := range cases {
		for _, path := range []string{"/operations/user-create", "/operation/create/user-create"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				first := accepted(t, s.post(t, `{"name":"hans"}`, key))
				if want := messages.OperationID("key"); first.UUID != want {
					t.Errorf("operation %s, want %s", first.UUID, want)
				}
				event := s.published(t)
				if c.ended {
					s.end(t, first.UUID, messages.UserCreateResponse{User: hans(first.UUID), Approved: true})
				}
				before := s.state.Records()

				answer := ask(t, s.clients, http.MethodPost, path, c.body, key, asJSON)
				if c.status == http.StatusAccepted {
					if again := accepted(t, answer); again.UUID != first.UUID || again.Done != c.ended || !again.CreatedAt.Equal(first.CreatedAt) {
						t.Errorf("got %+v after %+v", again, first)
					}
				} else if p := read[service.Problem](t, answer, c.status); p.Code != "idempotency-key-reused" || p.Errors[0].Header != "Idempotency-Key" {
					t.Errorf("got %+v", p)
				}
				if diff := cmp.Diff(before, s.state.Records()); diff != "" {
					t.Errorf("stored (-before +after):\n%s", diff)
				}
				// The same event again: the first may have been lost.
				if diff := cmp.Diff(event[:c.published], s.published(t), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("published (-first +again):\n%s", diff)
				}
			})
		}
	}
}

func TestOneKeyConcurrentlyMakesOneOperation(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *settings) { s.batch, s.worker = 3, 4 })
	const clients = 64
	ids := make([]uuid.UUID, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			answer := s.post(t, `{"name":"hans"}`, "Idempotency-Key: key")
			if answer.StatusCode != http.StatusAccepted {
				t.Errorf("answered %d", answer.StatusCode)
				return
			}
			ids[i] = accepted(t, answer).UUID
		})
	}
	wg.Wait()
	if ids = slices.Compact(ids); len(ids) != 1 || ids[0] != messages.OperationID("key") || len(s.state.Records()) != 1 {
		t.Errorf("operations %v, %d stored", ids, len(s.state.Records()))
	}
	for _, event := range s.published(t) {
		if event.OperationID != ids[0] || event.Data.Name != "hans" {
			t.Errorf("published %+v", event)
		}
	}
}

func TestWhatWasNotPublishedIsPublishedWhenSentAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.broker.Fail(sidecar.ErrBroker)
	for range 3 {
		read[service.Problem](t, s.post(t, `{"name":"hans"}`, "Idempotency-Key: key"), http.StatusServiceUnavailable)
	}
	s.broker.Fail(nil)
	o := accepted(t, s.post(t, `{"name":"hans"}`, "Idempotency-Key: key"))
	events := s.published(t)
	if len(events) != 1 || events[0].OperationID != o.UUID || !events[0].Time.Equal(o.CreatedAt) || len(s.state.Records()) != 1 {
		t.Errorf("operation %+v, published %+v", o, events)
	}
}

func TestConcurrentRequestsShareAWrite(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		batch int
		names []string // sent at once
		keys  []string
		want  []int // statuses
		saved []int // sizes of batches
	}{
		"all in one":              {10, []string{"a", "b", "c", "d"}, nil, []int{202, 202, 202, 202}, []int{4}},
		"more than a batch":       {3, []string{"a", "b", "c", "d"}, nil, []int{202, 202, 202, 202}, []int{3, 1}},
		"each alone":              {1, []string{"a", "b", "c"}, nil, []int{202, 202, 202}, []int{1, 1, 1}},
		"one key thrice":          {10, []string{"a", "a", "a"}, []string{"k", "k", "k"}, []int{202, 202, 202}, []int{1, 1, 1}},
		"one key, another body":   {10, []string{"a", "b", "a"}, []string{"k", "k", "k"}, []int{202, 422, 202}, []int{1, 1, 1}},
		"one key among others":    {10, []string{"a", "b", "a", "c"}, []string{"k", "l", "k", ""}, []int{202, 202, 202, 202}, []int{3, 1}},
		"one reused among others": {10, []string{"a", "b", "x", "c"}, []string{"k", "l", "k", ""}, []int{202, 202, 422, 202}, []int{3, 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, count := idle(t, c.batch, 100)
				requests := make([]func() *http.Response, len(c.names))
				operations := map[uuid.UUID]bool{}
				for i, name := range c.names {
					requests[i] = s.posting(t, `{"name":"`+name+`"}`)
					if c.keys != nil && c.keys[i] != "" {
						requests[i] = s.posting(t, `{"name":"`+name+`"}`, "Idempotency-Key: "+c.keys[i])
					}
				}
				got := sendAll(func() { s.work(t) }, requests...)
				if diff := cmp.Diff(c.want, got.statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				for i, answer := range got {
					if answer.StatusCode != http.StatusAccepted {
						continue
					}
					o := accepted(t, answer)
					operations[o.UUID] = true
					if o.Data.Name != c.names[i] {
						t.Errorf("request for %q got %+v", c.names[i], o)
					}
				}
				if diff := cmp.Diff(c.saved, count.saved); diff != "" {
					t.Errorf("batches (-want +got):\n%s", diff)
				}
				if len(s.state.Records()) != len(operations) {
					t.Errorf("%d operations stored, %d answered", len(s.state.Records()), len(operations))
				}
				for _, event := range s.published(t) {
					delete(operations, event.OperationID)
				}
				if len(operations) > 0 {
					t.Errorf("not published: %v", operations)
				}
			})
		})
	}
}

func TestABatchThatFailsIsRefusedWhole(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*system){
		"the database is away": func(s *system) { s.state.Fail(sidecar.ErrUnavailable) },
		"the broker is away":   func(s *system) { s.broker.Fail(sidecar.ErrBroker) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, _ := idle(t, 10, 10)
				fail(s)
				one := s.posting(t, `{"name":"hans"}`)
				got := sendAll(func() { s.work(t) }, one, one, one)
				if diff := cmp.Diff([]int{503, 503, 503}, got.statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestOverload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := idle(t, 10, 2)
		one, original := s.posting(t, `{"name":"hans"}`), func() *http.Response {
			return ask(t, s.clients, http.MethodPost, "/operation/create/user-create", `{"name":"hans"}`, asJSON)
		}
		began := time.Now()
		got := sendAll(func() {
			if time.Since(began) > 0 {
				t.Error("an overload is not answered at once")
			}
			s.work(t)
		}, one, one, one, original)
		if diff := cmp.Diff([]int{202, 202, 503, 503}, got.statuses()); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
		if p := read[service.Problem](t, got[2], http.StatusServiceUnavailable); p.Code != "overloaded" || got[2].Header.Get("Retry-After") != "1" {
			t.Errorf("got %+v, %v", p, got[2].Header)
		}
	})
}

// TestPatience: no worker takes the request. It is answered all the same, and
// not stored afterwards.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, count := idle(t, 10, 10)
		began := time.Now()
		p := read[service.Problem](t, s.post(t, `{"name":"hans"}`), http.StatusServiceUnavailable)
		if after := time.Since(began); p.Code != "unavailable" || after != patience {
			t.Errorf("after %v: %+v", after, p)
		}
		s.work(t)
		synctest.Wait()
		if len(count.saved) > 0 || len(s.state.Records()) > 0 {
			t.Errorf("stored though it was refused: %v", s.state.Records())
		}
	})
}

func TestAClientThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, count := idle(t, 10, 10)
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/operations/user-create", strings.NewReader(`{"name":"hans"}`))
		r.Header.Set("Content-Type", "application/json")
		service.ClientHandler(s.options).ServeHTTP(httptest.NewRecorder(), r)
		s.work(t)
		synctest.Wait()
		if len(count.saved) > 0 {
			t.Errorf("saved %v", count.saved)
		}
	})
}

// TestFreshIDs: ids without a key are UUIDs of version 7, distinct, and in the
// order of their time.
func TestFreshIDs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	var last uuid.UUID
	for i := range 1000 {
		id := freshID(now.Add(time.Duration(i) * time.Millisecond))
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is of version %d, variant %v", id, id.Version(), id.Variant())
		}
		if seconds, _ := id.Time().UnixTime(); seconds != now.Unix()+int64(i)/1000 {
			t.Fatalf("%s says %d s", id, seconds)
		}
		if bytes.Compare(last[:], id[:]) >= 0 {
			t.Fatalf("%s is not after %s", id, last)
		}
		last = id
	}
	if first, second := freshID(now), freshID(now); first == second {
		t.Errorf("%s comes twice", first)
	}
}
