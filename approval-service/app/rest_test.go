package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gorilla/mux"

	"registration.example/service"
	"registration.example/service/openapitest"
	"registration.example/sidecar/memory"
)

// description checks every answer to a client in these tests.
var description = openapitest.New(openAPI)

func TestMain(m *testing.M) { os.Exit(description.Main(m)) }

const testToken = "token of the app"

// system is approval-service on a sidecar in memory.
type system struct {
	clients http.Handler
	events  http.Handler
	options service.Options
	broker  *memory.Broker
}

func start(t *testing.T) *system {
	t.Helper()
	s := &system{broker: memory.NewBroker()}
	registry := service.NewRegistry()
	base := service.Base{
		Settings: service.Settings{AppToken: testToken, Attempts: 3},
		Logger:   slog.New(slog.DiscardHandler), Registry: registry, Events: service.NewEventMetrics(registry), Replica: "test",
	}
	base.Broker = s.broker
	s.options = Settings{Rule: newApprover(t, s.broker, 0).rule}.Build(base)
	s.options.Name, s.options.Logger, s.options.Registry = Name, base.Logger, registry
	s.clients = description.Handler(t, service.ClientHandler(s.options))
	router := mux.NewRouter()
	s.options.Events(router)
	s.events = router
	return s
}

// want looks at a path of the service and wants a status and part of a body.
func want(t *testing.T, h http.Handler, method, path string, status int, part string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	if body, _ := io.ReadAll(w.Result().Body); w.Code != status || !strings.Contains(string(body), part) {
		t.Errorf("%s %s answered %d, want %d and %q in\n%s", method, path, w.Code, status, part, body)
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		want(t, s.clients, http.MethodGet, "/healthz", http.StatusOK, `{"alive":true}`)
		want(t, s.clients, http.MethodGet, "/openapi.yaml", http.StatusOK, string(openAPI))
		want(t, s.clients, http.MethodGet, "/metrics", http.StatusOK, "go_goroutines")
		want(t, s.clients, http.MethodGet, "/", http.StatusNotFound, "no-such-route")
		want(t, s.clients, http.MethodPost, "/events/user-approve", http.StatusNotFound, "no-such-route")
		want(t, s.clients, http.MethodPost, "/healthz", http.StatusMethodNotAllowed, "method-not-allowed")
		want(t, s.clients, http.MethodGet, "/readyz", http.StatusServiceUnavailable, "not checked yet")

		// A sidecar that works.
		s.options.Ready = service.NewReadiness(slog.New(slog.DiscardHandler),
			service.Part{Name: "sidecar", Check: func(context.Context) error { return nil }})
		go s.options.Ready.Run(t.Context())
		synctest.Wait()
		want(t, description.Handler(t, service.ClientHandler(s.options)), http.MethodGet, "/readyz", http.StatusOK, `"ready":true`)
	})
}
