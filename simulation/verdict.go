package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
	"registration.example/user-service/user"
)

// breaks notes that a promise is broken.
func (h *history) breaks(format string, args ...any) {
	h.broken = append(h.broken, fmt.Sprintf(format, args...))
}

// watched is a database that shows every change.
type watched struct {
	*memory.State
	changed func(before, after sidecar.Record)
}

func watch(changed func(before, after sidecar.Record)) *watched {
	return &watched{State: memory.NewState(), changed: changed}
}

// Save implements sidecar.State.
func (w *watched) Save(ctx context.Context, writes []sidecar.Write) ([]sidecar.Result, error) {
	keys := make([]string, len(writes))
	for i, write := range writes {
		keys[i] = write.Key
	}
	before, err := w.Get(ctx, keys)
	if err != nil {
		return nil, err
	}
	results, err := w.State.Save(ctx, writes)
	if err != nil {
		return nil, err
	}
	after, err := w.Get(ctx, keys)
	for i := range after {
		if !bytes.Equal(before[i].Value, after[i].Value) {
			w.changed(before[i], after[i])
		}
	}
	return results, err
}

// operationChanged checks promise 3: a terminal state never changes.
func (h *history) operationChanged(before, after sidecar.Record) {
	if !before.Found || strings.HasPrefix(before.Key, service.ProbePrefix) {
		return
	}
	if o := read[operation.Operation](before); o.Done() {
		h.breaks("operation %s changed after its end: %s -> %s", o.UUID, before.Value, after.Value)
	}
}

// userChanged checks that a decision stays, and that a user is its operation's.
func (h *history) userChanged(before, after sidecar.Record) {
	if !before.Found || strings.HasPrefix(before.Key, service.ProbePrefix) {
		return
	}
	if u := read[user.User](before); u.Decided() {
		h.breaks("user %s changed after its decision: %s -> %s", u.UUID, before.Value, after.Value)
	}
}

func read[T any](record sidecar.Record) T {
	var value T
	_ = json.Unmarshal(record.Value, &value) // what is no document is told by judge
	return value
}

// answered reads what a client was answered. Answers of the dead never arrive.
func (h *history) answered(c *call) {
	status := c.answer.Code
	if c.to.dead {
		status = 0
	}
	var answer struct {
		UUID  uuid.UUID
		State string
		Done  bool
	}
	_ = json.Unmarshal(c.answer.Body.Bytes(), &answer)
	switch {
	case c.request != nil && status == http.StatusAccepted:
		h.accepted[answer.UUID] = true
		if c.request.key != "" && answer.UUID != messages.OperationID(c.request.key) {
			h.breaks("key %q gave operation %s", c.request.key, answer.UUID)
		}
		if c.request.key != "" && !h.calm && h.chance(3) {
			h.toSend = append(h.toSend, *c.request) // a client that did not get its answer
		}
	case c.request != nil:
		if c.request.key != "" {
			h.toSend = append(h.toSend, *c.request)
		}
	case status == http.StatusOK:
		if first, ok := h.ended[c.id]; ok && first != answer.State {
			h.breaks("operation %s was %s, then %s", c.id, first, answer.State)
		}
		if answer.Done {
			h.ended[c.id] = answer.State
		}
	case status != 0 && status != http.StatusServiceUnavailable:
		h.breaks("GET of accepted operation %s answered %d", c.id, status)
	}
}

// judge checks the promises when all is at rest.
func (h *history) judge() {
	operations, users := h.states[services[0]].Records(), h.states[services[1]].Records()
	for _, id := range h.acceptedIDs() {
		record := operations[id.String()]
		if !record.Found {
			h.breaks("accepted operation %s is not stored", id)
			continue
		}
		o := read[operation.Operation](record)
		u := read[user.User](users[messages.UserID(id).String()])
		h.judgeOne(o, u, users[messages.UserID(id).String()].Found)
	}
	made := map[uuid.UUID]int{}
	for key, record := range users {
		if strings.HasPrefix(key, service.ProbePrefix) {
			continue
		}
		u := read[user.User](record)
		made[u.OperationID]++
		if u.UUID.String() != key || !operations[u.OperationID.String()].Found {
			h.breaks("user %s belongs to no operation: %s", key, record.Value)
		}
	}
	for id, n := range made {
		if n != 1 {
			h.breaks("operation %s made %d users", id, n)
		}
	}
	h.judgeDeadLetters()
}

// judgeOne checks that an accepted operation ended as its user did.
func (h *history) judgeOne(o operation.Operation, u user.User, found bool) {
	denied := len(o.Data.Name) >= 4 && o.Data.Name[:4] == "deny"
	switch {
	case !o.Done():
		h.breaks("operation %s has not ended", o.UUID)
	case !found:
		h.breaks("operation %s is %s and made no user", o.UUID, o.State)
	case u.OperationID != o.UUID || u.Name != o.Data.Name:
		h.breaks("operation %s made user %+v", o.UUID, u)
	case !u.Decided():
		h.breaks("operation %s is %s, its user %s", o.UUID, o.State, u.State)
	case u.State == user.Approved && u.Failure != "":
		h.breaks("user %s is approved, and failed: %s", u.UUID, u.Failure)
	case (o.State == operation.Failed) != (u.Failure != ""):
		h.breaks("operation %s is %s, its user's failure %q", o.UUID, o.State, u.Failure)
	case o.State == operation.Completed && *o.Data.Approved != (u.State == user.Approved):
		h.breaks("operation %s says approved %t, its user is %s", o.UUID, *o.Data.Approved, u.State)
	case o.State == operation.Completed && *o.Data.Approved == denied:
		h.breaks("operation %s of %q is approved: %t", o.UUID, o.Data.Name, *o.Data.Approved)
	}
}

// judgeDeadLetters checks promise 5: what cannot be processed is kept, and
// nothing else is there.
func (h *history) judgeDeadLetters() {
	var kept [][]byte
	for _, letter := range h.broker.deadLetters() {
		kept = append(kept, letter.Record)
		if !slices.ContainsFunc(h.poison, func(p []byte) bool { return bytes.Equal(p, letter.Record) }) {
			h.breaks("a good record is a dead letter: %s: %s", letter.Reason, letter.Record)
		}
	}
	for _, record := range h.poison {
		if !slices.ContainsFunc(kept, func(k []byte) bool { return bytes.Equal(k, record) }) {
			h.breaks("record %q is gone in silence", record)
		}
	}
}
