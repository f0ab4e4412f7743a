package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/service/openapitest"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// description checks every answer to a client in these tests.
var description = openapitest.New(openAPI)

func TestMain(m *testing.M) { os.Exit(description.Main(m)) }

const (
	testDeadline = time.Hour
	testToken    = "token of the app"
)

// system is operation-service on a sidecar in memory.
type system struct {
	clients http.Handler
	events  http.Handler
	options service.Options
	state   *memory.State
	broker  *memory.Broker
}

// settings are what tests change in a system before it starts.
type settings struct {
	// records is the state that the service sees; that of the system if nil.
	records              func(*memory.State) sidecar.State
	batch, queue, worker int
	// idle leaves the workers to be started by work.
	idle bool
}

// start runs the service until the test ends.
func start(t *testing.T, change ...func(*settings)) *system {
	t.Helper()
	s := settings{batch: 200, queue: 2000, worker: 2, records: func(state *memory.State) sidecar.State { return state }}
	for _, c := range change {
		c(&s)
	}
	sys := &system{state: memory.NewState(), broker: memory.NewBroker()}
	registry := service.NewRegistry()
	base := service.Base{
		Settings: service.Settings{AppToken: testToken, Attempts: 3},
		Logger:   slog.New(slog.DiscardHandler), Registry: registry, Events: service.NewEventMetrics(registry), Replica: "test",
	}
	base.State, base.Broker = s.records(sys.state), sys.broker
	sys.options = Settings{Deadline: testDeadline, Batch: s.batch, Workers: s.worker, Queue: s.queue}.Build(base)
	sys.options.Name, sys.options.Logger, sys.options.Registry = Name, base.Logger, registry
	sys.clients = description.Handler(t, service.ClientHandler(sys.options))
	router := mux.NewRouter()
	sys.options.Events(router)
	sys.events = router
	if !s.idle {
		sys.work(t)
	}
	return sys
}

// work starts the workers.
func (s *system) work(t *testing.T) {
	t.Helper()
	for _, run := range s.options.Background {
		go run(t.Context())
	}
}

// ask sends a request to the service and gives its answer. Headers are
// "Name: value".
func ask(t *testing.T, h http.Handler, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

const asJSON = "Content-Type: application/json"

// post asks for a user.
func (s *system) post(t *testing.T, body string, headers ...string) *http.Response {
	t.Helper()
	return ask(t, s.clients, http.MethodPost, "/operations/user-create", body, append(headers, asJSON)...)
}

func (s *system) get(t *testing.T, id uuid.UUID, headers ...string) *http.Response {
	t.Helper()
	return ask(t, s.clients, http.MethodGet, "/operations/"+id.String(), "", headers...)
}

// read gives the body of an answer that must have a status.
func read[T any](t *testing.T, answer *http.Response, status int) T {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status {
		t.Fatalf("answered %d, want %d: %s", answer.StatusCode, status, body)
	}
	var value T
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return value
}

// accepted gives the operation of a request that must be accepted.
func accepted(t *testing.T, answer *http.Response) view {
	t.Helper()
	return read[view](t, answer, http.StatusAccepted)
}

// published gives the user-create events that were published since the last call.
func (s *system) published(t *testing.T) []messages.Event[messages.UserCreate] {
	t.Helper()
	var events []messages.Event[messages.UserCreate]
	for _, message := range s.broker.Take(string(messages.UserCreateTopic)) {
		event, err := messages.Decode[messages.UserCreate](message.Record)
		if err != nil {
			t.Fatal(err)
		}
		if message.Key != event.OperationID.String() {
			t.Errorf("key %q of operation %s", message.Key, event.OperationID)
		}
		events = append(events, event)
	}
	return events
}

// deliver brings records to the service as the sidecar does, and gives the
// statuses that it answers.
func (s *system) deliver(t *testing.T, records ...[]byte) []string {
	t.Helper()
	type entry struct {
		EntryID string `json:"entryId"`
		Event   []byte `json:"event"`
	}
	entries := make([]entry, len(records))
	for i, record := range records {
		entries[i] = entry{EntryID: fmt.Sprint(i), Event: record}
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	if err != nil {
		t.Fatal(err)
	}
	path := sidecar.EventsPath + string(messages.UserCreateResponseTopic)
	answer := read[struct{ Statuses []struct{ Status string } }](t,
		ask(t, s.events, http.MethodPost, path, string(body), "dapr-api-token: "+testToken), http.StatusOK)
	statuses := make([]string, len(answer.Statuses))
	for i, status := range answer.Statuses {
		statuses[i] = status.Status
	}
	return statuses
}

// end brings the end of a saga to the service.
func (s *system) end(t *testing.T, id uuid.UUID, data messages.UserCreateResponse) {
	t.Helper()
	if diff := cmp.Diff([]string{"SUCCESS"}, s.deliver(t, response(t, id, data))); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s", diff)
	}
}

// response makes a record of user-create-response.
func response(t *testing.T, id uuid.UUID, data messages.UserCreateResponse) []byte {
	t.Helper()
	record, err := messages.Encode(messages.Event[messages.UserCreateResponse]{
		OperationID: id, Source: "user-service", Time: time.Now(), Deadline: time.Now().Add(testDeadline), Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// hans is the user of an operation, as events carry it.
func hans(id uuid.UUID) *messages.User {
	return &messages.User{UUID: messages.UserID(id), Name: "hans", CreatedAt: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)}
}

func TestAnOperationFromRequestToEnd(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	cases := map[string]struct {
		end  func(uuid.UUID) messages.UserCreateResponse
		want func(*view)
	}{
		"approved": {
			func(id uuid.UUID) messages.UserCreateResponse {
				return messages.UserCreateResponse{User: hans(id), Approved: true}
			},
			func(v *view) {
				v.State, v.Data.Approved, v.Response = operation.Completed, &yes, &operation.Response{State: "completed"}
			},
		},
		"not approved": {
			func(id uuid.UUID) messages.UserCreateResponse { return messages.UserCreateResponse{User: hans(id)} },
			func(v *view) {
				v.State, v.Data.Approved = operation.Completed, &no
				v.Response = &operation.Response{State: "failed", Error: "approval failed"}
			},
		},
		"failed": {
			func(id uuid.UUID) messages.UserCreateResponse {
				return messages.UserCreateResponse{User: hans(id), Failure: "deadline passed"}
			},
			func(v *view) { v.State, v.Error = operation.Failed, "deadline passed" },
		},
		"failed before there was a user": {
			func(uuid.UUID) messages.UserCreateResponse {
				return messages.UserCreateResponse{Failure: "not an event"}
			},
			func(v *view) {
				v.State, v.Error, v.Data.UUID, v.Data.CreatedAt = operation.Failed, "not an event", nil, nil
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			answer := s.post(t, `{"name":"hans"}`)
			pending := accepted(t, answer)
			want := view{UUID: pending.UUID, Type: "user-create", State: operation.Pending, CreatedAt: pending.CreatedAt, Data: operation.Data{Name: "hans"}}
			if diff := cmp.Diff(want, pending); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if got := answer.Header.Get("Location"); got != "/operations/"+pending.UUID.String() {
				t.Errorf("location %q", got)
			}
			if got := answer.Header.Get("Retry-After"); got != "1" {
				t.Errorf("retry after %q", got)
			}
			if diff := cmp.Diff(want, read[view](t, s.get(t, pending.UUID), http.StatusOK)); diff != "" {
				t.Errorf("pending (-want +got):\n%s", diff)
			}

			s.end(t, pending.UUID, c.end(pending.UUID))
			want.Done, want.Data.UUID, want.Data.CreatedAt = true, &hans(pending.UUID).UUID, &hans(pending.UUID).CreatedAt
			c.want(&want)
			shown := s.get(t, pending.UUID)
			if diff := cmp.Diff(want, read[view](t, shown, http.StatusOK)); diff != "" {
				t.Errorf("ended (-want +got):\n%s", diff)
			}
			if got := shown.Header.Get("Retry-After"); got != "" {
				t.Errorf("retry after %q though it has ended", got)
			}
		})
	}
}

func TestTheEventOfAnOperation(t *testing.T) {
	t.Parallel()
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	cases := map[string]struct {
		sent string
		want func(uuid.UUID) string
	}{
		"with a trace context":        {trace, func(uuid.UUID) string { return trace }},
		"with one that is not valid":  {"00-xyz", messages.StartTrace},
		"without":                     {"", messages.StartTrace},
		"with one of another version": {"01" + trace[2:], messages.StartTrace},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			o := accepted(t, s.post(t, `{"name":"hans"}`, "traceparent: "+c.sent))
			want := []messages.Event[messages.UserCreate]{{
				OperationID: o.UUID, Source: Name, Time: o.CreatedAt, Deadline: o.CreatedAt.Add(testDeadline),
				TraceParent: c.want(o.UUID), Data: messages.UserCreate{Name: "hans"},
			}}
			if diff := cmp.Diff(want, s.published(t)); diff != "" {
				t.Errorf("published (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTheOriginalsCurlLines sends what the original's README shows, word for word.
func TestTheOriginalsCurlLines(t *testing.T) {
	t.Parallel()
	s := start(t)
	server := httptest.NewServer(s.clients)
	defer server.Close()
	lines := regexp.MustCompile(`^curl -X POST -H '([^']*)' -d '([^']*)' http://HOST(\S*)$`).FindStringSubmatch(
		`curl -X POST -H 'Content-Type: application/json' -d '{"name": "hans"}' http://HOST/operation/create/user-create`)
	post, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+lines[3], strings.NewReader(lines[2]))
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(lines[1], ": ")
	post.Header.Set(name, value)
	answer, err := server.Client().Do(post)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	created := accepted(t, answer)

	// curl http://HOST/operation/get/UUID
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/operation/get/"+created.UUID.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = server.Client().Do(get); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if diff := cmp.Diff(created, read[view](t, answer, http.StatusOK)); diff != "" {
		t.Errorf("(-created +got):\n%s", diff)
	}
}

func TestNamesComeBackExactly(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"dollar": "$set", "dots": "a.b..c", "dollar and dots": "$a.$b", "quotes": `"'` + "`", "backslashes": `\\"\n`,
		"markup": "<a href='x'>&amp;</a>", "JSON": `{"name":"hans"}`, "a space": " ", "spaces around": "  hans  ",
		"line separators": "a\u2028b\u2029c", "replacement character": "\ufffd", "zero width": "\u200b\u200d\ufeff",
		"right to left": "\u202ehans", "combining": "e\u0301 is not \u00e9", "emoji": "👩‍👩‍👧‍👦🇩🇪", "percent": "%s%n%d%00",
		"256 of Latin": strings.Repeat("a", 256), "256 of Greek": strings.Repeat("ω", 256), "256 of Arabic": strings.Repeat("ع", 256),
		"256 of Devanagari": strings.Repeat("ह", 256), "256 of Han": strings.Repeat("漢", 256), "256 of Hangul": strings.Repeat("한", 256),
		"256 of Gothic": strings.Repeat("𐌰", 256), "256 emoji": strings.Repeat("🦔", 256), "256 combining": strings.Repeat("\u0301", 256),
		"256 controls": strings.Repeat("\x00", 256), "null": "null", "the original's": "hans",
	}
	for c := range rune(0x20) {
		names[fmt.Sprintf("control %02x", c)] = "a" + string(c) + "b"
	}
	names["delete and C1"] = "\x7f\u0080\u009f"
	s := start(t)
	for title, name := range names {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]string{"name": name})
			if err != nil {
				t.Fatal(err)
			}
			o := accepted(t, s.post(t, string(body)))
			shown := read[view](t, s.get(t, o.UUID), http.StatusOK)
			if o.Data.Name != name || shown.Data.Name != name {
				t.Errorf("%q came back as %q, then %q", name, o.Data.Name, shown.Data.Name)
			}
		})
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	s := start(t)
	created := s.post(t, `{"name":"hans"}`)
	tag, id := created.Header.Get("ETag"), accepted(t, created).UUID
	for _, path := range []string{"/operations/", "/operation/get/"} {
		for header, status := range map[string]int{
			tag: http.StatusNotModified, "W/" + tag: http.StatusNotModified, "*": http.StatusNotModified,
			`"other", ` + tag: http.StatusNotModified, `"other"`: http.StatusOK, strings.Trim(tag, `"`): http.StatusOK, "": http.StatusOK,
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				answer := ask(t, s.clients, method, path+id.String(), "", "If-None-Match: "+header)
				if answer.StatusCode != status || answer.Header.Get("ETag") != tag || answer.Header.Get("Retry-After") != "1" {
					t.Errorf("%s, If-None-Match %s: answered %d, %v", method, header, answer.StatusCode, answer.Header)
				}
			}
		}
	}
	s.end(t, id, messages.UserCreateResponse{User: hans(id), Approved: true})
	if answer := s.get(t, id, "If-None-Match: "+tag); answer.StatusCode != http.StatusOK || answer.Header.Get("ETag") == tag {
		t.Errorf("after its end: answered %d, %v", answer.StatusCode, answer.Header)
	}
	if answer := s.post(t, `{"name":"hans"}`, "If-None-Match: *"); answer.StatusCode != http.StatusAccepted {
		t.Errorf("If-None-Match of a POST: answered %d", answer.StatusCode)
	}
}

func TestPreferWait(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prefer  string
		ends    time.Duration // when the operation ends after the request; 0 means never
		applied string
		after   time.Duration
		done    bool
	}{
		"it ends meanwhile":        {"wait=10", 3 * time.Second, "wait=10", 3 * time.Second, true},
		"it does not end":          {"wait=10", 0, "wait=10", 10 * time.Second, false},
		"it ends too late":         {"wait=2", 3 * time.Second, "wait=2", 2 * time.Second, false},
		"a long wait is cut":       {"wait=3600", 0, "wait=30", 30 * time.Second, false},
		"a longer wait is cut":     {"wait=99999999999999999999", 0, "wait=30", 30 * time.Second, false},
		"among other preferences":  {`respond-async, wait=5; foo="bar"`, 0, "wait=5", 5 * time.Second, false},
		"spaced, quoted, in caps":  {`WAIT = "5"`, 0, "wait=5", 5 * time.Second, false},
		"no wait":                  {"wait=0", 0, "", 0, false},
		"another preference":       {"respond-async", 0, "", 0, false},
		"a name that ends in wait": {"await=10", 0, "", 0, false},
	}
	requests := map[string]func(*testing.T, *system, uuid.UUID, string) *http.Response{
		"post": func(t *testing.T, s *system, key uuid.UUID, prefer string) *http.Response {
			t.Helper()
			return s.post(t, `{"name":"hans"}`, "Idempotency-Key: "+key.String(), "Prefer: "+prefer)
		},
		"get": func(t *testing.T, s *system, key uuid.UUID, prefer string) *http.Response {
			t.Helper()
			return s.get(t, messages.OperationID(key.String()), "Prefer: "+prefer)
		},
	}
	for name, c := range cases {
		for method, request := range requests {
			t.Run(method+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s, key := start(t), uuid.New()
					id := accepted(t, s.post(t, `{"name":"hans"}`, "Idempotency-Key: "+key.String())).UUID
					if c.ends > 0 {
						time.AfterFunc(c.ends, func() { s.end(t, id, messages.UserCreateResponse{User: hans(id), Approved: true}) })
					}
					began := time.Now()
					answer := request(t, s, key, c.prefer)
					if after := time.Since(began); after != c.after {
						t.Errorf("answered after %v, want %v", after, c.after)
					}
					if got := answer.Header.Get("Preference-Applied"); got != c.applied {
						t.Errorf("applied %q, want %q", got, c.applied)
					}
					if got := read[view](t, answer, answer.StatusCode); got.Done != c.done {
						t.Errorf("got %+v", got)
					}
					if c.ends > c.after {
						<-time.After(c.ends) // the bubble's clock: the end comes before the test does
					}
				})
			})
		}
	}
}

// TestWaitFindsAnEndOfAnotherReplica: nobody tells this replica, which looks after 1, 3 and 7 s, and for a
// while the database is away.
func TestWaitFindsAnEndOfAnotherReplica(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		id := accepted(t, s.post(t, `{"name":"hans"}`)).UUID
		time.AfterFunc(2500*time.Millisecond, func() {
			stored, err := store{s.state}.get(t.Context(), id)
			if err != nil {
				t.Error(err)
			}
			ended, _ := stored[0].End(operation.Outcome{Failure: "x"})
			w, _ := write(ended, sidecar.IfUnchanged, stored[0].etag)
			_, _ = s.state.Save(t.Context(), []sidecar.Write{w})
			s.state.Fail(sidecar.ErrUnavailable)
		})
		time.AfterFunc(4500*time.Millisecond, func() { s.state.Fail(nil) })
		began := time.Now()
		got := read[view](t, s.get(t, id, "Prefer: wait=10"), http.StatusOK)
		if after := time.Since(began); !got.Done || after != 7*time.Second {
			t.Errorf("after %v: %+v", after, got)
		}
	})
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/operations/", "/operation/get/"} {
		p := read[service.Problem](t, ask(t, s.clients, http.MethodGet, path+uuid.NewString(), ""), http.StatusNotFound)
		if p.Code != "unknown-operation" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	for _, path := range []string{"/operations/", "/operation/create/"} {
		for _, kind := range []string{"user-delete", "USER-CREATE", uuid.NewString(), "%22%0a"} {
			p := read[service.Problem](t, ask(t, s.clients, http.MethodPost, path+kind, `{"name":"hans"}`, asJSON), http.StatusNotFound)
			if p.Code != "unknown-operation-type" || !strings.Contains(p.Detail, "operation not allowed") {
				t.Errorf("%s: %+v", path+kind, p)
			}
		}
	}
}

func TestBackendsAway(t *testing.T) {
	t.Parallel()
	fault := errors.New("cause for the log")
	cases := map[string]struct {
		state, broker error
		post, get     int
		code          string
	}{
		"the database is away":  {sidecar.ErrUnavailable, nil, http.StatusServiceUnavailable, http.StatusServiceUnavailable, "unavailable"},
		"the broker is away":    {nil, sidecar.ErrBroker, http.StatusServiceUnavailable, http.StatusOK, "unavailable"},
		"the state has a fault": {fault, nil, http.StatusInternalServerError, http.StatusInternalServerError, "internal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			id := accepted(t, s.post(t, `{"name":"hans"}`)).UUID
			s.state.Fail(c.state)
			s.broker.Fail(c.broker)
			for path, want := range map[string]int{
				"POST /operations/user-create": c.post, "POST /operation/create/user-create": c.post,
				"GET /operations/" + id.String(): c.get, "GET /operation/get/" + id.String(): c.get,
			} {
				method, path, _ := strings.Cut(path, " ")
				answer := ask(t, s.clients, method, path, `{"name":"hans"}`, asJSON)
				if want == http.StatusOK {
					read[view](t, answer, want)
					continue
				}
				p := read[service.Problem](t, answer, want)
				if p.Code != c.code || strings.Contains(p.Detail, fault.Error()) {
					t.Errorf("%s: %+v", path, p)
				}
				if got := answer.Header.Get("Retry-After"); (got == "1") != (want == http.StatusServiceUnavailable) {
					t.Errorf("%s: retry after %q", path, got)
				}
			}
			s.state.Fail(nil)
			s.broker.Fail(nil)
			accepted(t, s.post(t, `{"name":"hans"}`))
			read[view](t, s.get(t, id), http.StatusOK)
		})
	}
}

func TestWhatIsStoredCannotBeRead(t *testing.T) {
	t.Parallel()
	s, id := start(t), messages.OperationID("key")
	if _, err := s.state.Save(t.Context(), []sidecar.Write{{Key: id.String(), Value: []byte("{")}}); err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]*http.Response{
		"get": s.get(t, id), "post": s.post(t, `{"name":"hans"}`, "Idempotency-Key: key"),
	} {
		if p := read[service.Problem](t, answer, http.StatusInternalServerError); p.Code != "internal" {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		accepted(t, s.post(t, `{"name":"hans"}`))
		for path, want := range map[string]string{
			"/healthz": `{"alive":true}`, "/openapi.yaml": string(openAPI),
			"/metrics": `registration_operations_total{state="pending",type="user-create"} 1`,
		} {
			answer := ask(t, s.clients, http.MethodGet, path, "")
			if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s answered %d, want %q in\n%s", path, answer.StatusCode, want, body)
			}
		}
		type readiness struct{ Ready bool }
		if read[readiness](t, ask(t, s.clients, http.MethodGet, "/readyz", ""), http.StatusServiceUnavailable).Ready {
			t.Error("ready before anything was checked")
		}
		s.options.Ready = service.NewReadiness(slog.New(slog.DiscardHandler), service.StatePart(service.Probe(s.state, "test")))
		go s.options.Ready.Run(t.Context())
		synctest.Wait()
		checked := description.Handler(t, service.ClientHandler(s.options))
		if !read[readiness](t, ask(t, checked, http.MethodGet, "/readyz", ""), http.StatusOK).Ready {
			t.Error("not ready though its state works")
		}
	})
}
