// Package user is the domain of user-service: what a user is and what the saga
// makes of it. Pure values; nothing here does input or output.
package user

import (
	"time"

	"github.com/google/uuid"
)

// State says what was decided about a user.
type State string

// A user is pending until it is decided, once and for ever.
const (
	// PendingApproval means that the verdict is awaited.
	PendingApproval State = "pending-approval"
	// Approved means that the user was approved.
	Approved State = "approved"
	// NotApproved means that the user was denied, or that there will be no verdict.
	NotApproved State = "not-approved"
)

// DeadlinePassed is the failure of a saga that took too long.
const DeadlinePassed = "deadline passed"

// User is what a saga makes: one user for each operation.
type User struct {
	UUID        uuid.UUID `json:"uuid"`
	Name        string    `json:"name"`
	CreatedAt   time.Time `json:"createdAt"`
	OperationID uuid.UUID `json:"operationId"`
	State       State     `json:"state"`
	// Failure says why there was no verdict; empty unless NotApproved.
	Failure string `json:"failure,omitempty"`
}

// New makes the user of an operation. If that is too late, nobody is asked any
// more: the user is NotApproved. It is stored all the same, so that whoever
// handles the same event again, or at the same time, comes to the same end.
func New(id, operationID uuid.UUID, name string, createdAt, deadline, now time.Time) User {
	u := User{UUID: id, Name: name, CreatedAt: createdAt, OperationID: operationID, State: PendingApproval}
	if now.After(deadline) {
		u.State, u.Failure = NotApproved, DeadlinePassed
	}
	return u
}

// Verdict is what approval-service says of a user.
type Verdict struct {
	Approved bool
	// Failure says why there is no verdict; empty if there is one.
	Failure string
}

// Decide gives the user after verdict, and whether that changed it: the first
// verdict stays.
func (u User) Decide(verdict Verdict, deadline, now time.Time) (User, bool) {
	if u.Decided() {
		return u, false
	}
	if verdict.Failure == "" && now.After(deadline) {
		verdict.Failure = DeadlinePassed
	}
	u.State = NotApproved
	switch {
	case verdict.Failure != "":
		u.Failure = verdict.Failure
	case verdict.Approved:
		u.State = Approved
	}
	return u, true
}

// Decided tells whether the verdict is known. Then operation-service has to be
// told; until then approval-service has to be asked.
func (u User) Decided() bool { return u.State != PendingApproval }
