package generator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"registration.example/load/ledger"

	"github.com/google/uuid"
)

// errNotFound is a 404.
var errNotFound = errors.New("not found")

// answer is what became of one request to create an operation.
type answer struct {
	state      ledger.State // Accepted, Rejected, Refused, or Attempted: unknown
	id         uuid.UUID    // if accepted
	seen       ledger.Seen  // if accepted, and the request was one that waits
	retryAfter time.Duration
	timeout    bool // unknown because no answer came in time
	err        error
}

// create asks for a user. An empty key sends no Idempotency-Key; wait is how
// long the answer may be held back until the operation has ended.
func (c *client) create(ctx context.Context, name, key string, wait time.Duration) answer {
	body, err := json.Marshal(struct {
		Name string `json:"name"`
	}{name})
	if err != nil {
		return answer{state: ledger.Refused, err: err}
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		header["Idempotency-Key"] = []string{key}
	}
	if wait > 0 {
		header["Prefer"] = []string{preferWait(wait)}
	}
	var a answer
	r := request{http.MethodPost, at(c.operations, "/operations/user-create"), header, body, c.timeout + wait}
	err = c.do(ctx, r, func(r *http.Response, body []byte) error {
		a = readAnswer(r, body)
		if wait > 0 && a.state == ledger.Accepted {
			// What cannot be read here is followed like any other.
			a.seen, _ = readSeen(body)
		}
		return nil
	})
	if err != nil {
		return answer{state: ledger.Attempted, err: err, timeout: errors.Is(err, context.DeadlineExceeded)}
	}
	return a
}

// readAnswer sorts an answer by its status.
func readAnswer(r *http.Response, body []byte) answer {
	switch r.StatusCode {
	case http.StatusAccepted:
		id, err := readID(r, body)
		if err != nil {
			return answer{state: ledger.Refused, err: fmt.Errorf("202 without an id: %w", err)}
		}
		return answer{state: ledger.Accepted, id: id}
	case http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
		return answer{state: ledger.Rejected, retryAfter: time.Duration(seconds) * time.Second, err: statusError(r, body)}
	default:
		return answer{state: ledger.Refused, err: statusError(r, body)}
	}
}

// readID finds the id of a new operation in Location, which is cheaper to read
// than the document, or else in the document.
func readID(r *http.Response, body []byte) (uuid.UUID, error) {
	if id, err := uuid.Parse(path.Base(r.Header.Get("Location"))); err == nil {
		return id, nil
	}
	var doc struct {
		UUID uuid.UUID `json:"uuid"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return uuid.Nil, err
	}
	if doc.UUID == uuid.Nil {
		return uuid.Nil, errNotFound
	}
	return doc.UUID, nil
}

func statusError(r *http.Response, body []byte) error {
	return fmt.Errorf("status %d: %s", r.StatusCode, strings.TrimSpace(string(body[:min(len(body), 200)])))
}

// operation reads how far an operation has come, waiting up to wait for its
// end if the service can do that.
func (c *client) operation(ctx context.Context, id uuid.UUID, wait time.Duration) (ledger.Seen, error) {
	header := http.Header{}
	if wait > 0 {
		header["Prefer"] = []string{preferWait(wait)}
	}
	var seen ledger.Seen
	r := request{http.MethodGet, at(c.operations, "/operations/"+id.String()), header, nil, c.timeout + wait}
	err := c.do(ctx, r, func(r *http.Response, body []byte) error {
		var err error
		seen, err = readOperation(r, body)
		return err
	})
	return seen, err
}

func preferWait(wait time.Duration) string { return fmt.Sprintf("wait=%d", int(wait.Seconds())) }

func readOperation(r *http.Response, body []byte) (ledger.Seen, error) {
	if err := readable(r, body); err != nil {
		return ledger.Seen{}, err
	}
	return readSeen(body)
}

// readSeen reads the document of an operation.
func readSeen(body []byte) (ledger.Seen, error) {
	var doc struct {
		State string `json:"state"`
		Data  struct {
			UUID     string `json:"uuid"`
			Approved bool   `json:"approved"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return ledger.Seen{}, fmt.Errorf("operation: %w", err)
	}
	seen := ledger.Seen{State: ledger.Accepted, Approved: doc.Data.Approved}
	seen.User, _ = uuid.Parse(doc.Data.UUID)
	switch doc.State {
	case "pending":
	case "completed":
		seen.State = ledger.Completed
	case "failed":
		seen.State = ledger.Failed
	default:
		return ledger.Seen{}, fmt.Errorf("operation: unknown state %q", doc.State)
	}
	return seen, nil
}

// user reads what the user-service knows of a user.
func (c *client) user(ctx context.Context, id uuid.UUID) (ledger.User, error) {
	var u ledger.User
	r := request{http.MethodGet, at(c.users, "/users/"+id.String()), http.Header{}, nil, c.timeout}
	err := c.do(ctx, r, func(r *http.Response, body []byte) error {
		var err error
		u, err = readUser(r, body)
		return err
	})
	if errors.Is(err, errNotFound) {
		return ledger.User{}, nil
	}
	return u, err
}

func readUser(r *http.Response, body []byte) (ledger.User, error) {
	if err := readable(r, body); err != nil {
		return ledger.User{}, err
	}
	var doc struct {
		Name        string    `json:"name"`
		State       string    `json:"state"`
		OperationID uuid.UUID `json:"operationId"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return ledger.User{}, fmt.Errorf("user: %w", err)
	}
	return ledger.User{Exists: true, Name: doc.Name, State: doc.State, Operation: doc.OperationID}, nil
}

// readable says why a document cannot be read.
func readable(r *http.Response, body []byte) error {
	switch r.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusNotFound:
		return errNotFound
	default:
		return statusError(r, body)
	}
}
