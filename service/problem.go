package service

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/sidecar"
)

// Problem is an RFC 9457 problem document: what a client is told. Causes that
// are not the client's go to the log instead.
type Problem struct {
	// Type stays empty, which means about:blank: the status says it all, and
	// Code tells apart what programs have to tell apart.
	Type   string `json:"type,omitempty"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is a stable name of the problem, for programs.
	Code string `json:"code"`
	// Errors point to what is wrong in the request.
	Errors []FieldError `json:"errors,omitempty"`

	// RetryAfter is when the same request may succeed; sent as a header.
	RetryAfter time.Duration `json:"-"`
}

// FieldError says what is wrong with one part of a request. Pointer is a JSON
// pointer (RFC 6901) into the body; Parameter and Header name other parts.
type FieldError struct {
	Detail    string `json:"detail"`
	Pointer   string `json:"pointer,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Header    string `json:"header,omitempty"`
}

// NewProblem makes a problem document.
func NewProblem(status int, code, detail string, errors ...FieldError) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Errors: errors}
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// WriteProblem answers a request with a problem document.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.RetryAfter.Seconds())))
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone if this fails
}

// Handler is an HTTP handler that leaves its errors to the one place that maps
// them to problem documents.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Codes of the problems that are not the client's.
const (
	codeUnavailable = "unavailable"
	codeInternal    = "internal"
)

// Handle maps errors to problem documents, and counts these. Causes go to the
// log only.
func Handle(logger *slog.Logger, problems *prometheus.CounterVec, h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		var problem *Problem
		switch {
		case err == nil:
			return
		case errors.As(err, &problem):
		case r.Context().Err() != nil:
			// Nobody's fault. A client that only closed its half of the connection
			// still reads, and net/http would tell it 200.
			problem = unavailable("The connection was closed before there was an answer. Send it again.")
		case errors.Is(err, sidecar.ErrUnavailable):
			logger.WarnContext(r.Context(), "unavailable", "path", r.URL.Path, "error", err)
			problem = unavailable("Broker or database does not answer. Send it again later.")
		default:
			logger.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
			problem = NewProblem(http.StatusInternalServerError, codeInternal, "This is a fault of the service; its log says more.")
		}
		problems.WithLabelValues(problem.Code).Inc()
		WriteProblem(w, problem)
	})
}

func unavailable(detail string) *Problem {
	problem := NewProblem(http.StatusServiceUnavailable, codeUnavailable, detail)
	problem.RetryAfter = time.Second
	return problem
}

// PathUUID reads a UUID from the request's path.
func PathUUID(r *http.Request, parameter string) (uuid.UUID, error) {
	const canonical = 36 // uuid.Parse takes longer and shorter forms too
	text := mux.Vars(r)[parameter]
	id, err := uuid.Parse(text)
	if err != nil || len(text) != canonical {
		return uuid.Nil, NewProblem(http.StatusBadRequest, "invalid-uuid", "The id in the path is not a UUID.",
			FieldError{Parameter: parameter, Detail: "must be a UUID such as 6d232092-dceb-419f-bff1-2d686eace56c"})
	}
	return id, nil
}

// NotFound answers for paths that no route has.
var NotFound = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	WriteProblem(w, NewProblem(http.StatusNotFound, "no-such-route", "There is nothing at this path."))
})

// MethodNotAllowed answers for paths that routes of the router have for other
// methods, and names these in Allow (RFC 9110, section 15.5.6).
func MethodNotAllowed(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allowed(router, r), ", "))
		WriteProblem(w, NewProblem(http.StatusMethodNotAllowed, "method-not-allowed", r.Method+" is not possible at this path."))
	})
}

// allowed asks the router with each method: it does not tell which it has.
func allowed(router *mux.Router, r *http.Request) []string {
	var methods []string
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		other := r.WithContext(r.Context())
		other.Method = method
		var match mux.RouteMatch
		if router.Match(other, &match) && match.MatchErr == nil {
			methods = append(methods, method)
		}
	}
	return methods
}
