package ledger

import "fmt"

// Verdict is what a run proved, in the vocabulary of Jepsen's total-queue
// check: an attempt whose outcome nobody knows is attempted, not accepted.
type Verdict struct {
	Attempted  int64 `json:"attempted"`
	Accepted   int64 `json:"accepted"`
	Completed  int64 `json:"completed"`
	Failed     int64 `json:"failed"`
	Lost       int64 `json:"lost"`
	Duplicated int64 `json:"duplicated_effects"`
	Unexpected int64 `json:"unexpected"`
	Regressed  int64 `json:"regressed"`
}

// OK says that nothing accepted was lost, doubled, ended otherwise than its
// name demands, or changed after its end.
func (v Verdict) OK() bool {
	return v.Lost == 0 && v.Duplicated == 0 && v.Unexpected == 0 && v.Regressed == 0
}

// String is the verdict as one line.
func (v Verdict) String() string {
	return fmt.Sprintf("attempted %d accepted %d completed %d failed %d lost %d duplicated-effects %d unexpected %d regressed %d",
		v.Attempted, v.Accepted, v.Completed, v.Failed, v.Lost, v.Duplicated, v.Unexpected, v.Regressed)
}
