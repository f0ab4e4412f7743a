package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/service"
	"registration.example/sidecar"
)

// serve asks a handler and gives its answer and what was logged.
func serve(t *testing.T, h service.Handler) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log strings.Builder
	response := httptest.NewRecorder()
	service.Handle(slog.New(slog.NewTextHandler(&log, nil)), service.CountProblems(prometheus.NewRegistry()), h).ServeHTTP(response,
		httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users/7", http.NoBody))
	return response, log.String()
}

func TestHandle(t *testing.T) {
	t.Parallel()
	conflict := service.NewProblem(http.StatusConflict, "taken", "The name is taken.", service.FieldError{Pointer: "/name", Detail: "is taken"})
	for name, test := range map[string]struct {
		err        error
		status     int
		body       string
		retryAfter string
		log        string
	}{
		"a problem": {
			err: conflict, status: http.StatusConflict,
			body: `{"title":"Conflict","status":409,"detail":"The name is taken.","code":"taken","errors":[{"detail":"is taken","pointer":"/name"}]}`,
		},
		"a wrapped problem": {
			err: fmt.Errorf("create: %w", service.NewProblem(http.StatusNotFound, "no-such-user", "There is no such user.")), status: http.StatusNotFound,
			body: `{"title":"Not Found","status":404,"detail":"There is no such user.","code":"no-such-user"}`,
		},
		"the store is away": {
			err: fmt.Errorf("save secret-7: %w", sidecar.ErrUnavailable), status: http.StatusServiceUnavailable, retryAfter: "1", log: "secret-7",
			body: `{"title":"Service Unavailable","status":503,"detail":"Broker or database does not answer. Send it again later.","code":"unavailable"}`,
		},
		"the broker is away": {
			err: fmt.Errorf("publish secret-7: %w", sidecar.ErrBroker), status: http.StatusServiceUnavailable, retryAfter: "1", log: "secret-7",
			body: `{"title":"Service Unavailable","status":503,"detail":"Broker or database does not answer. Send it again later.","code":"unavailable"}`,
		},
		"a bug": {
			err: errors.New("secret-7"), status: http.StatusInternalServerError, log: "secret-7",
			body: `{"title":"Internal Server Error","status":500,"detail":"This is a fault of the service; its log says more.","code":"internal"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, log := serve(t, func(http.ResponseWriter, *http.Request) error { return test.err })
			if diff := cmp.Diff(test.body+"\n", response.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			header := response.Header()
			if response.Code != test.status || header.Get("Content-Type") != "application/problem+json" || header.Get("Retry-After") != test.retryAfter {
				t.Errorf("status %d, headers %v", response.Code, header)
			}
			if !strings.Contains(log, test.log) || test.log == "" && log != "" {
				t.Errorf("log: %q, want %q in it", log, test.log)
			}
		})
	}
}

func TestHandleLeavesAnswersAlone(t *testing.T) {
	t.Parallel()
	response, log := serve(t, func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusAccepted)
		return nil
	})
	if response.Code != http.StatusAccepted || response.Body.Len() != 0 || log != "" {
		t.Errorf("status %d, body %q, log %q", response.Code, response.Body, log)
	}
}

// TestProblemsAreCounted: also those that have not happened yet, as zero.
func TestProblemsAreCounted(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	problems := service.CountProblems(registry, "overloaded")
	for _, err := range []error{nil, service.NewProblem(http.StatusNotFound, "no-such-user", "There is no such user."), sidecar.ErrUnavailable, sidecar.ErrBroker} {
		h := service.Handle(slog.New(slog.DiscardHandler), problems, func(http.ResponseWriter, *http.Request) error { return err })
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users/7", http.NoBody))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, m := range families[0].GetMetric() {
		got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
	}
	if diff := cmp.Diff(map[string]float64{"no-such-user": 1, "unavailable": 2, "internal": 0, "overloaded": 0}, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestHandleClientIsGone: what fails because the client went away is nobody's
// fault, and still no success: the client may have closed its half only.
func TestHandleClientIsGone(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	response := httptest.NewRecorder()
	service.Handle(slog.New(slog.NewTextHandler(&log, nil)), service.CountProblems(prometheus.NewRegistry()), func(http.ResponseWriter, *http.Request) error {
		cancel()
		return fmt.Errorf("save: %w", sidecar.ErrUnavailable)
	}).ServeHTTP(response, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
	if response.Code != http.StatusServiceUnavailable || log.Len() != 0 {
		t.Errorf("status %d, log %q", response.Code, log.String())
	}
}

func TestPathUUID(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6d232092-dceb-419f-bff1-2d686eace56c")
	for text, valid := range map[string]bool{
		id.String():                              true,
		strings.ToUpper(id.String()):             true, // RFC 9562: upper case is read
		"":                                       false,
		"hans":                                   false,
		strings.ReplaceAll(id.String(), "-", ""): false,
		"{" + id.String() + "}":                  false,
		"urn:uuid:" + id.String():                false,
		id.String() + "0":                        false,
		strings.Repeat("-", 36):                  false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			request := mux.SetURLVars(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), map[string]string{"uuid": text})
			got, err := service.PathUUID(request, "uuid")
			if valid {
				if err != nil || got != id {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			var problem *service.Problem
			if !errors.As(err, &problem) || problem.Status != http.StatusBadRequest || len(problem.Errors) != 1 || problem.Errors[0].Parameter != "uuid" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestRouterAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.Handler
		want    service.Problem
	}{
		"no route":  {service.NotFound, service.Problem{Title: "Not Found", Status: 404, Code: "no-such-route", Detail: "There is nothing at this path."}},
		"no method": {service.MethodNotAllowed(mux.NewRouter()), service.Problem{Title: "Method Not Allowed", Status: 405, Code: "method-not-allowed", Detail: "PUT is not possible at this path."}},
	} {
		response := httptest.NewRecorder()
		test.handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/x", http.NoBody))
		var got service.Problem
		if err := json.Unmarshal(response.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || response.Code != test.want.Status {
			t.Errorf("%s: status %d (-want +got):\n%s", name, response.Code, diff)
		}
	}
}

func TestAllowNamesTheMethodsOfThePath(t *testing.T) {
	t.Parallel()
	router := mux.NewRouter()
	router.NotFoundHandler, router.MethodNotAllowedHandler = service.NotFound, service.MethodNotAllowed(router)
	for path, methods := range map[string][]string{
		"/users/{uuid}": {http.MethodGet, http.MethodHead}, "/users/new": {http.MethodPost}, "/other": {http.MethodDelete},
	} {
		router.Handle(path, http.NotFoundHandler()).Methods(methods...)
	}
	for path, want := range map[string]string{"/users/7": "GET, HEAD", "/users/new": "GET, HEAD, POST", "/other": "DELETE"} {
		for _, method := range []string{http.MethodPut, http.MethodTrace, "get", "BREW"} {
			response := httptest.NewRecorder()
			router.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
			if got := response.Header().Get("Allow"); got != want || response.Code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: status %d, Allow %q, want %q", method, path, response.Code, got, want)
			}
		}
	}
}

func TestProblemIsAnError(t *testing.T) {
	t.Parallel()
	if got := service.NewProblem(http.StatusConflict, "taken", "The name is taken.").Error(); got != "409 taken: The name is taken." {
		t.Error(got)
	}
}
