package ledger

import (
	"time"

	"github.com/google/uuid"
)

// Counts are the sums of a run. Attempted = Accepted + Rejected + Refused +
// Unknown once everything is settled.
type Counts struct {
	Attempted int64 `json:"attempted"`
	Accepted  int64 `json:"accepted"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
	Lost      int64 `json:"lost"`

	Rejected int64 `json:"rejected"` // last answer 503
	Refused  int64 `json:"errors"`   // another answer that is no 202
	Unknown  int64 `json:"unknown"`  // no answer: timeout or connection lost

	Duplicated int64 `json:"duplicate_users"`
	Unexpected int64 `json:"unexpected"`
	Regressed  int64 `json:"regressed"`

	Busy         int64 `json:"answers_503"` // the following three count requests, not operations
	Timeouts     int64 `json:"timeouts"`
	NoConnection int64 `json:"connection_errors"`
	Repeats      int64 `json:"repeats"`

	LookedAgain  int64 `json:"looked_again"`
	UsersChecked int64 `json:"users_checked"`
}

// Ended is the number of operations with a terminal state.
func (c Counts) Ended() int64 { return c.Completed + c.Failed }

// Pending is the number of accepted operations that have not ended yet.
func (c Counts) Pending() int64 { return c.Accepted - c.Ended() }

// User is what the user-service says of a user.
type User struct {
	Exists    bool
	Name      string
	State     string
	Operation uuid.UUID
}

// Latencies are the measured durations of a run, all from the intended time.
type Latencies struct {
	Accept Histogram // to the 202
	Saga   Histogram // to the end, sampled operations only
	Late   Histogram // to the moment when the request left
}

// Counts returns the sums so far.
func (l *Ledger) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Open is the number of operations that are not settled.
func (l *Ledger) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// Latencies returns a copy of the histograms so far.
func (l *Ledger) Latencies() *Latencies {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Latencies{Accept: l.accept, Saga: l.saga, Late: l.late}
}

// LastEnd is when an operation was last seen to have ended; zero if none was.
func (l *Ledger) LastEnd() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastEnd
}

// Findings returns the faults found, the first hundred of them.
func (l *Ledger) Findings() []Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Finding(nil), l.findings...)
}

// Verdict is the judgement on a closed ledger.
func (l *Ledger) Verdict() Verdict {
	c := l.Counts()
	return Verdict{
		Attempted: c.Attempted, Accepted: c.Accepted, Completed: c.Completed, Failed: c.Failed,
		Lost: c.Lost, Duplicated: c.Duplicated, Unexpected: c.Unexpected, Regressed: c.Regressed,
	}
}
