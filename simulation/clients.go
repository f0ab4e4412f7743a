package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// request is what a client wants; it repeats it with its key until accepted.
type request struct{ name, key string }

// call is a request on its way.
type call struct {
	request *request // nil for a look at an operation
	id      uuid.UUID
	to      *replica
	answer  *httptest.ResponseRecorder
	done    chan struct{}
}

func (h *history) newRequest() request {
	r := request{name: fmt.Sprintf("user %d", h.random.IntN(1000))}
	if h.chance(4) {
		r.name = "deny " + r.name
	}
	if !h.chance(3) {
		r.key = fmt.Sprintf("key %d", h.random.Uint64())
	}
	return r
}

// send sends the next request of a client.
func (h *history) send() {
	live := h.live(services[0])
	if len(h.toSend) == 0 || len(live) == 0 {
		return
	}
	r := h.toSend[0]
	h.toSend = h.toSend[1:]
	body, _ := json.Marshal(map[string]string{"name": r.name}) // cannot fail
	request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/operations/user-create", strings.NewReader(string(body)))
	request.Header.Set("Content-Type", "application/json")
	if r.key != "" {
		request.Header.Set("Idempotency-Key", r.key)
	}
	h.call(&call{request: &r, to: live[h.random.IntN(len(live))]}, request)
}

// look asks for an accepted operation.
func (h *history) look() {
	live := h.live(services[0])
	ids := h.acceptedIDs()
	if len(ids) == 0 || len(live) == 0 {
		return
	}
	id := ids[h.random.IntN(len(ids))]
	h.call(&call{id: id, to: live[h.random.IntN(len(live))]},
		httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/operations/"+id.String(), nil))
}

func (h *history) call(c *call, request *http.Request) {
	c.answer, c.done = httptest.NewRecorder(), make(chan struct{})
	h.calls = append(h.calls, c)
	go func() {
		defer close(c.done)
		c.to.clients.ServeHTTP(c.answer, request)
	}()
	h.settle()
}

func (h *history) acceptedIDs() []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(h.accepted))
	for id := range h.accepted {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	return ids
}
