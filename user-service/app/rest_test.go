package app

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"registration.example/service"
	"registration.example/service/openapitest"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
	"registration.example/user-service/user"
)

// description checks every answer to a client in these tests.
var description = openapitest.New(openAPI)

func TestMain(m *testing.M) { os.Exit(description.Main(m)) }

const testToken = "token of the app"

// system is user-service on a sidecar in memory.
type system struct {
	clients http.Handler
	events  http.Handler
	options service.Options
	state   *memory.State
	broker  *memory.Broker
}

func start(t *testing.T) *system {
	t.Helper()
	s := &system{state: memory.NewState(), broker: memory.NewBroker()}
	registry := service.NewRegistry()
	base := service.Base{
		Settings: service.Settings{AppToken: testToken, Attempts: 3},
		Logger:   slog.New(slog.DiscardHandler), Registry: registry, Events: service.NewEventMetrics(registry), Replica: "test",
	}
	base.State, base.Broker = s.state, s.broker
	s.options = Build(base)
	s.options.Name, s.options.Logger, s.options.Registry = Name, base.Logger, registry
	s.clients = description.Handler(t, service.ClientHandler(s.options))
	router := mux.NewRouter()
	s.options.Events(router)
	s.events = router
	return s
}

// ask sends a request and gives its answer.
func ask(t *testing.T, h http.Handler, method, path string) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Result()
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

// put stores users.
func put(t *testing.T, state sidecar.State, users ...user.User) {
	t.Helper()
	for _, u := range users {
		w, err := write(u, sidecar.Always, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := state.Save(t.Context(), []sidecar.Write{w}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGetUser(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	cases := map[string]user.User{
		"pending":      {State: user.PendingApproval, Name: "hans"},
		"approved":     {State: user.Approved, Name: "hans"},
		"not approved": {State: user.NotApproved, Name: "deny-hans"},
		"too late":     {State: user.NotApproved, Name: "hans", Failure: user.DeadlinePassed},
		"odd name":     {State: user.Approved, Name: "$a.\"\x00<漢" + strings.Repeat("🦔", 249)},
	}
	s := start(t)
	for name, u := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u.UUID, u.OperationID, u.CreatedAt = uuid.New(), uuid.New(), at
			put(t, s.state, u)
			if diff := cmp.Diff(u, read[user.User](t, ask(t, s.clients, http.MethodGet, "/users/"+u.UUID.String()), http.StatusOK)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	broken := uuid.New()
	type refusal struct {
		method, path string
		fail         error
		status       int
		code         string
		retryAfter   string
	}
	unknown := "/users/" + uuid.NewString()
	cases := map[string]refusal{
		"unknown user":         {http.MethodGet, unknown, nil, http.StatusNotFound, "unknown-user", ""},
		"database away":        {http.MethodGet, unknown, sidecar.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "1"},
		"database at fault":    {http.MethodGet, unknown, errors.New("cause for the log"), http.StatusInternalServerError, "internal", ""},
		"unreadable user":      {http.MethodGet, "/users/" + broken.String(), nil, http.StatusInternalServerError, "internal", ""},
		"no route":             {http.MethodGet, "/", nil, http.StatusNotFound, "no-such-route", ""},
		"no list":              {http.MethodGet, "/users/", nil, http.StatusNotFound, "no-such-route", ""},
		"no list either":       {http.MethodGet, "/users", nil, http.StatusNotFound, "no-such-route", ""},
		"events are elsewhere": {http.MethodPost, "/events/user-create", nil, http.StatusNotFound, "no-such-route", ""},
		"no change":            {http.MethodPut, unknown, nil, http.StatusMethodNotAllowed, "method-not-allowed", ""},
		"no deletion":          {http.MethodDelete, unknown, nil, http.StatusMethodNotAllowed, "method-not-allowed", ""},
		"no post":              {http.MethodPost, "/healthz", nil, http.StatusMethodNotAllowed, "method-not-allowed", ""},
	}
	for _, id := range []string{"1", "hans", "%00", broken.String()[:35], broken.String() + "0", strings.ReplaceAll(broken.String(), "-", ""), "urn:uuid:" + broken.String(), "%7b" + broken.String() + "%7d"} {
		cases["id "+id] = refusal{http.MethodGet, "/users/" + id, nil, http.StatusBadRequest, "invalid-uuid", ""}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if _, err := s.state.Save(t.Context(), []sidecar.Write{{Key: broken.String(), Value: []byte("{")}}); err != nil {
				t.Fatal(err)
			}
			s.state.Fail(c.fail)
			answer := ask(t, s.clients, c.method, c.path)
			p := read[service.Problem](t, answer, c.status)
			if p.Code != c.code || p.Status != c.status || answer.Header.Get("Retry-After") != c.retryAfter || strings.Contains(p.Detail, "cause") {
				t.Errorf("got %+v, %v", p, answer.Header)
			}
			if c.code == "invalid-uuid" && p.Errors[0].Parameter != "uuid" {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		for path, want := range map[string]string{"/healthz": `{"alive":true}`, "/openapi.yaml": string(openAPI), "/metrics": "go_goroutines"} {
			answer := ask(t, s.clients, http.MethodGet, path)
			if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
				t.Errorf("%s answered %d, want %q in\n%s", path, answer.StatusCode, want, body)
			}
		}
		type readiness struct{ Ready bool }
		if read[readiness](t, ask(t, s.clients, http.MethodGet, "/readyz"), http.StatusServiceUnavailable).Ready {
			t.Error("ready before anything was checked")
		}
		s.options.Ready = service.NewReadiness(slog.New(slog.DiscardHandler), service.StatePart(service.Probe(s.state, "test")))
		go s.options.Ready.Run(t.Context())
		synctest.Wait()
		checked := description.Handler(t, service.ClientHandler(s.options))
		if !read[readiness](t, ask(t, checked, http.MethodGet, "/readyz"), http.StatusOK).Ready {
			t.Error("not ready though its state works")
		}
	})
}
