package app

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
)

// rest answers clients.
type rest struct {
	accepts  *service.Gatherer[request]
	reads    *service.Gatherer[lookup]
	waiters  *waiters
	logger   *slog.Logger
	problems *prometheus.CounterVec
	deadline time.Duration
}

// errLate means that a request got no answer within its patience.
var errLate = fmt.Errorf("no answer in time: %w", sidecar.ErrUnavailable)

// pollAfter is when a client may look at a pending operation again.
const pollAfter = "1"

// routes adds the routes for clients. The second path of each pair is that of
// the original demonstration.
func (s *rest) routes(router *mux.Router) {
	create, get := s.handler(s.create), s.handler(s.get)
	router.Handle("/operations/{type}", create).Methods(http.MethodPost)
	router.Handle("/operation/create/{type}", create).Methods(http.MethodPost)
	router.Handle("/operations/{uuid}", get).Methods(http.MethodGet, http.MethodHead)
	router.Handle("/operation/get/{uuid}", get).Methods(http.MethodGet, http.MethodHead)
}

// codeOverloaded is the code of a request that was not taken.
const codeOverloaded = "overloaded"

// handler gives the problems that only this service has; service.Handle knows the rest.
func (s *rest) handler(h service.Handler) http.Handler {
	return service.Handle(s.logger, s.problems, func(w http.ResponseWriter, r *http.Request) error {
		switch err := h(w, r); {
		case errors.Is(err, service.ErrOverloaded):
			problem := service.NewProblem(http.StatusServiceUnavailable, codeOverloaded, "More requests wait than can be taken. Send it again later.")
			problem.RetryAfter = time.Second
			return problem
		case errors.Is(err, errKeyReused):
			return service.NewProblem(http.StatusUnprocessableEntity, "idempotency-key-reused", "This Idempotency-Key came with another request before.",
				service.FieldError{Header: "Idempotency-Key", Detail: "was used with another body"})
		default:
			return err
		}
	})
}

// create answers POST /operations/{type}.
func (s *rest) create(w http.ResponseWriter, r *http.Request) error {
	if kind := mux.Vars(r)["type"]; kind != operation.UserCreate {
		return service.NewProblem(http.StatusNotFound, "unknown-operation-type",
			fmt.Sprintf("operation not allowed: there is no operation type %q, only %q.", kind, operation.UserCreate))
	}
	if s.accepts.Full() {
		return service.ErrOverloaded // what cannot be taken should cost little
	}
	name, err := readName(w, r)
	if err != nil {
		return err
	}
	key, err := readKey(r)
	if err != nil {
		return err
	}
	wait, err := readWait(r)
	if err != nil {
		return err
	}
	o := newOperation(name, key, time.Now(), s.deadline, readTraceParent(r))
	var ended <-chan operation.Operation
	if wait > 0 {
		var leave func()
		ended, leave = s.waiters.join(o.UUID)
		defer leave()
	}
	accepted, err := s.accepts.Do(r.Context(), request{operation: o, keyed: key != ""}, patience, errLate)
	if err != nil {
		return err
	}
	o = accepted.operation
	if wait > 0 {
		w.Header().Set("Preference-Applied", preferWait(wait))
		o = s.await(r.Context(), o, ended, wait)
	}
	w.Header().Set("Location", "/operations/"+o.UUID.String())
	return show(w, r, http.StatusAccepted, o)
}

// get answers GET /operations/{uuid}.
func (s *rest) get(w http.ResponseWriter, r *http.Request) error {
	id, err := service.PathUUID(r, "uuid")
	if err != nil {
		return err
	}
	wait, err := readWait(r)
	if err != nil {
		return err
	}
	var ended <-chan operation.Operation
	if wait > 0 {
		var leave func()
		ended, leave = s.waiters.join(id)
		defer leave()
	}
	o, found, err := s.read(r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return service.NewProblem(http.StatusNotFound, "unknown-operation", fmt.Sprintf("There is no operation %s.", id))
	}
	if wait > 0 {
		w.Header().Set("Preference-Applied", preferWait(wait))
		o = s.await(r.Context(), o, ended, wait)
	}
	return show(w, r, http.StatusOK, o)
}

// firstPoll is after how long a waiting request looks into the store, since
// another replica may end the operation. Each further look comes after a pause
// twice as long: the slower sagas are, the less may be spent on looking.
const firstPoll = time.Second

// await gives o as it stands when it has ended, or after wait.
func (s *rest) await(ctx context.Context, o operation.Operation, ended <-chan operation.Operation, wait time.Duration) operation.Operation {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	pause := firstPoll
	poll := time.NewTimer(pause)
	defer poll.Stop()
	for !o.Done() {
		select {
		case <-ctx.Done():
			return o // the client is gone, or closed its half of the connection and still reads
		case <-timeout.C:
			return o
		case o = <-ended:
		case <-poll.C:
			// Unavailable now says nothing about the operation: keep waiting.
			if latest, found, err := s.read(ctx, o.UUID); err == nil && found {
				o = latest
			}
			pause *= 2
			poll.Reset(pause)
		}
	}
	return o
}

// view is an operation as clients see it.
type view struct {
	UUID      uuid.UUID           `json:"uuid"`
	Type      string              `json:"type"`
	State     operation.State     `json:"state"`
	Done      bool                `json:"done"`
	CreatedAt time.Time           `json:"createdAt"`
	Data      operation.Data      `json:"data"`
	Response  *operation.Response `json:"response,omitempty"`
	Error     string              `json:"error,omitempty"`
}

// show answers with an operation, or 304 if the client has it as it stands.
func show(w http.ResponseWriter, r *http.Request, status int, o operation.Operation) error {
	body, err := json.Marshal(view{
		UUID: o.UUID, Type: o.Type, State: o.State, Done: o.Done(), CreatedAt: o.CreatedAt,
		Data: o.Data, Response: o.Response, Error: o.Error,
	})
	if err != nil {
		return fmt.Errorf("operation %s: %w", o.UUID, err)
	}
	hash := fnv.New64a()
	_, _ = hash.Write(body)
	etag := fmt.Sprintf(`"%016x"`, hash.Sum64())
	header := w.Header()
	header.Set("ETag", etag)
	header.Set("Cache-Control", "no-cache")
	if !o.Done() {
		header.Set("Retry-After", pollAfter)
	}
	if r.Method != http.MethodPost && matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client is gone if this fails
	return nil
}
