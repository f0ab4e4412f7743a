// Package operation is the domain of operation-service: what an operation is
// and how it ends. Pure values; nothing here does input or output.
package operation

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// State says how far an operation is.
type State string

// An operation is pending until it ends, once and for ever, completed or failed.
const (
	// Pending means that the saga runs.
	Pending State = "pending"
	// Completed means that the saga ran to its end, whatever the verdict was.
	Completed State = "completed"
	// Failed means that the saga could not run to its end.
	Failed State = "failed"
)

// UserCreate is the operation type that makes a user.
const UserCreate = "user-create"

// Operation is a request of a client and what became of it.
type Operation struct {
	UUID      uuid.UUID `json:"uuid"`
	Type      string    `json:"type"`
	State     State     `json:"state"`
	CreatedAt time.Time `json:"createdAt"`
	// Deadline is when the saga must have ended.
	Deadline time.Time `json:"deadline"`
	// TraceParent is the W3C trace context of the request.
	TraceParent string `json:"traceparent,omitempty"`
	Data        Data   `json:"data"`
	// Response is what the saga answered; nil until then.
	Response *Response `json:"response,omitempty"`
	// Error says why the operation failed.
	Error string `json:"error,omitempty"`
}

// Data is the user that the operation is about. UUID, CreatedAt and Approved
// are known when it has ended.
type Data struct {
	Name      string     `json:"name"`
	UUID      *uuid.UUID `json:"uuid,omitempty"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	Approved  *bool      `json:"approved,omitempty"`
}

// Response is the verdict: completed, or failed with an error.
type Response struct {
	State State  `json:"state"`
	Error string `json:"error,omitempty"`
}

// ApprovalFailed is the error of a response whose user was denied.
const ApprovalFailed = "approval failed"

// New makes a pending operation that creates a user.
func New(id uuid.UUID, name string, now time.Time, within time.Duration, traceParent string) Operation {
	now = now.UTC().Truncate(time.Millisecond)
	return Operation{
		UUID:        id,
		Type:        UserCreate,
		State:       Pending,
		CreatedAt:   now,
		Deadline:    now.Add(within),
		TraceParent: traceParent,
		Data:        Data{Name: name},
	}
}

// Done tells whether the operation has ended.
func (o Operation) Done() bool { return o.State != Pending }

// Same tells whether o was asked for by the same request as other.
func (o Operation) Same(other Operation) bool {
	return o.Type == other.Type && o.Data.Name == other.Data.Name
}

// Outcome is how a saga ended.
type Outcome struct {
	// UserID and CreatedAt are of the user, unless there is none.
	UserID    uuid.UUID
	CreatedAt time.Time
	Approved  bool
	// Failure says why the saga could not run to its end; empty if it did.
	Failure string
}

// End gives the operation after its saga ended with outcome, and whether that
// changed it: the first end stays.
func (o Operation) End(outcome Outcome) (Operation, bool) {
	if o.Done() {
		return o, false
	}
	if outcome.UserID != uuid.Nil {
		o.Data.UUID, o.Data.CreatedAt = &outcome.UserID, &outcome.CreatedAt
	}
	if outcome.Failure != "" {
		o.State, o.Error = Failed, outcome.Failure
		return o, true
	}
	o.State = Completed
	o.Data.Approved = &outcome.Approved
	o.Response = &Response{State: Completed}
	if !outcome.Approved {
		o.Response = &Response{State: Failed, Error: ApprovalFailed}
	}
	return o, true
}

// MaxNameLength is the longest name of a user, in characters.
const MaxNameLength = 256

// Errors of CheckName.
var (
	ErrNameEmpty   = errors.New("must not be empty")
	ErrNameTooLong = fmt.Errorf("must not be longer than %d characters", MaxNameLength)
)

// CheckName says what is wrong with a user's name.
func CheckName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return ErrNameEmpty
	case n > MaxNameLength:
		return ErrNameTooLong
	}
	return nil
}
