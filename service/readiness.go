package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"registration.example/messages"
	"registration.example/sidecar"
)

// Names of the sidecar's components. What stands behind them is configuration.
const (
	// PubSub publishes every topic and delivers all but the next one's.
	PubSub = "pubsub"
	// PubSubResponses delivers the second topic of a service that consumes
	// two: the sidecar has one bulk delivery in flight per component.
	PubSubResponses = "pubsub-responses"
	// StateStore keeps the service's own data.
	StateStore = "statestore"
)

// Part is one thing that must work before a service is ready.
type Part struct {
	Name  string                      `json:"name"`
	Check func(context.Context) error `json:"-"`
	OK    bool                        `json:"ok"`
	// Reason says what is wrong, if not OK.
	Reason string `json:"reason,omitempty"`
}

// Readiness checks parts in order, until each has worked once; from then on it
// goes on checking the first, the sidecar. Broker and database may go away
// later: requests answer 503 themselves then, and no pod is taken out for it.
type Readiness struct {
	logger *slog.Logger

	mu    sync.Mutex
	parts []Part
	ready bool
}

// NewReadiness makes a readiness of parts, the sidecar first.
func NewReadiness(logger *slog.Logger, parts ...Part) *Readiness {
	for i := range parts {
		parts[i].Reason = "not checked yet"
	}
	return &Readiness{logger: logger, parts: parts}
}

// Intervals between checks.
const (
	checkUntilReady = 250 * time.Millisecond
	checkWhenReady  = 2 * time.Second
	checkTimeout    = 5 * time.Second
)

// Run checks until ctx ends.
func (r *Readiness) Run(ctx context.Context) {
	for {
		wait := checkUntilReady
		if r.check(ctx) {
			wait = checkWhenReady
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// check looks at the parts that matter now, and logs what changed.
func (r *Readiness) check(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	r.mu.Lock()
	parts := slices.Clone(r.parts)
	r.mu.Unlock()

	ready := true
	for i := range parts {
		if i > 0 && (parts[i].OK || !ready) {
			continue // it worked once, or cannot work yet
		}
		err := parts[i].Check(ctx)
		parts[i].OK, parts[i].Reason = err == nil, ""
		if err != nil {
			ready, parts[i].Reason = false, err.Error()
		}
	}
	r.store(ctx, parts, ready)
	return ready
}

func (r *Readiness) store(ctx context.Context, parts []Part, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return // shutting down: failures mean nothing
	}
	for i, p := range parts {
		if p.Reason != "" && p.Reason != r.parts[i].Reason {
			r.logger.WarnContext(ctx, "not ready", "part", p.Name, "reason", p.Reason)
		}
	}
	if ready && !r.ready {
		r.logger.InfoContext(ctx, "ready")
	}
	r.parts, r.ready = parts, ready
}

// ServeHTTP answers /readyz: 200 or 503, and every part with its reason.
func (r *Readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if !r.ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": r.ready, "parts": r.parts})
}

// SidecarPart checks that the sidecar is up, has loaded components and
// subscribed to topics.
func SidecarPart(status func(context.Context) (sidecar.Status, error), components []string, topics []messages.Topic) Part {
	return Part{Name: "sidecar", Check: func(ctx context.Context) error {
		loaded, err := status(ctx)
		if err != nil {
			return fmt.Errorf("%w (a sidecar ends when its broker or database is away at its start: see its log)", err)
		}
		for _, name := range components {
			if loaded.Components[name] == "" {
				return fmt.Errorf("component %q is not loaded", name)
			}
		}
		for _, topic := range topics {
			if !loaded.Topics[string(topic)] {
				return fmt.Errorf("no subscription to topic %q", topic)
			}
		}
		return nil
	}}
}

// StatePart checks that what is saved can be read: a database may accept
// writes and refuse reads.
func StatePart(check func(context.Context) error) Part {
	return Part{Name: "state", Check: check}
}
