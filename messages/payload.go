package messages

import (
	"errors"
	"time"

	"github.com/google/uuid"
)

// User is a user as events carry it.
type User struct {
	UUID      uuid.UUID `json:"uuid"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// UserCreate asks for a user.
type UserCreate struct {
	Name string `json:"name"`
}

// UserApprove asks for a verdict on a user.
type UserApprove struct {
	User User `json:"user"`
}

// UserApproveResponse is the verdict on a user, or why there is none.
type UserApproveResponse struct {
	UserID   uuid.UUID `json:"userId"`
	Approved bool      `json:"approved"`
	// Failure says why there is no verdict; empty if there is one.
	Failure string `json:"failure,omitempty"`
}

// UserCreateResponse tells how the saga ended.
type UserCreateResponse struct {
	// User is absent where the saga failed before there was one.
	User     *User `json:"user,omitempty"`
	Approved bool  `json:"approved"`
	// Failure says why the saga could not run to its end; empty if it did.
	Failure string `json:"failure,omitempty"`
}

// Topic implements Payload.
func (UserCreate) Topic() Topic { return UserCreateTopic }

// Topic implements Payload.
func (UserApprove) Topic() Topic { return UserApproveTopic }

// Topic implements Payload.
func (UserApproveResponse) Topic() Topic { return UserApproveResponseTopic }

// Topic implements Payload.
func (UserCreateResponse) Topic() Topic { return UserCreateResponseTopic }

var (
	errNoName = errors.New("name is missing")
	errNoUser = errors.New("user is missing")
)

func (p UserCreate) validate() error {
	if p.Name == "" {
		return errNoName
	}
	return nil
}

func (p UserApprove) validate() error { return p.User.validate() }

func (p UserApproveResponse) validate() error {
	if p.UserID == uuid.Nil {
		return errNoUser
	}
	return nil
}

func (p UserCreateResponse) validate() error {
	if p.User != nil {
		return p.User.validate()
	}
	if p.Failure == "" {
		return errNoUser
	}
	return nil
}

func (u User) validate() error {
	switch {
	case u.UUID == uuid.Nil:
		return errNoUser
	case u.Name == "":
		return errNoName
	}
	return nil
}

// UserID is the id of the user that an operation makes. It is derived: however
// often an operation is delivered, it makes this one user.
func UserID(operationID uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(operationID, []byte("user"))
}

// idempotencyNamespace separates ids that come from keys of clients from all
// others. Drawn once, by uuidgen.
var idempotencyNamespace = uuid.MustParse("a9b1f5f2-6d0e-4c83-9a43-8a4f0e6f8b55")

// OperationID is the id of the operation that a client names by its
// Idempotency-Key: a repeated request finds the operation of the first.
func OperationID(idempotencyKey string) uuid.UUID {
	return uuid.NewSHA1(idempotencyNamespace, []byte(idempotencyKey))
}
