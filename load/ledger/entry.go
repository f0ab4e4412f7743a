package ledger

import (
	"time"

	"github.com/google/uuid"
)

// State is how far an operation is known to have come.
type State string

// The states of an entry. Attempted is also the last state of a request whose
// outcome stayed unknown; rejected and refused were answered, so that nothing
// came of them.
const (
	Attempted State = "attempted"
	Rejected  State = "rejected" // 503: come back later
	Refused   State = "refused"  // any other answer that is no 202
	Accepted  State = "accepted"
	Completed State = "completed"
	Failed    State = "failed"
)

// Entry is one operation from its attempt to its end. Only the goroutine that
// moves the operation on touches it.
type Entry struct {
	Seq      int64     // place in the schedule
	Name     string    // the user's name
	Deny     bool      // the name demands that the user is not approved
	Key      string    // the Idempotency-Key, empty if none is sent
	Sampled  bool      // its saga duration counts for the percentiles
	Waited   bool      // its 202 was held back until the end: no measure of acceptance
	ID       uuid.UUID // the operation's id, once accepted
	State    State
	Attempts int // POSTs sent, repeats included
	Looks    int // GETs sent by the follower

	Intended time.Time // when the schedule wanted it sent
	Sent     time.Time // when the first POST left
	Accepted time.Time // when the 202 was read
	Ended    time.Time // when the end was first seen

	doubtful bool // one of its requests has an unknown outcome
	gone     bool // a GET after the 202 found nothing
	seen     Seen // how it ended
}

// Seen is what an operation's document says of its progress.
type Seen struct {
	State    State // Accepted while pending, else Completed or Failed
	Approved bool
	User     uuid.UUID // the user that the operation made, if any
}

// Ended says whether the document shows a terminal state.
func (s Seen) Ended() bool { return s.State == Completed || s.State == Failed }

// UserID is the id of the one user that an operation may make. The rule is
// written down here a second time on purpose: a ledger that asked the system
// for it would prove nothing.
func UserID(operation uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(operation, []byte("user"))
}
