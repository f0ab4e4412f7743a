package experiment

import (
	"fmt"
	"strings"
	"time"

	"registration.example/chaos/plan"
	"registration.example/chaos/verdict"
	"registration.example/load/ledger"
)

// Happened is a fault that was done.
type Happened struct {
	plan.Fault
	Error string `json:"error,omitempty"`
}

// Result is what an experiment has proved.
type Result struct {
	Profile  string    `json:"profile"`
	Seed     uint64    `json:"seed"`
	Start    time.Time `json:"start"`
	Duration string    `json:"duration"`
	Rate     float64   `json:"rate"`

	verdict.Verdict
	// Redelivered is the larger of two lower bounds: what the services counted
	// when they were asked, and the records on the topics that say nothing new.
	Redelivered int64 `json:"redelivered"`
	Counted     int64 `json:"redeliveries_counted"`
	Duplicates  int64 `json:"duplicates_on_topics"`
	// Faults is how many of the wanted ones happened.
	Faults int `json:"faults"`
	Wanted int `json:"faults_wanted"`

	Pace    verdict.Pace    `json:"pace"`
	Plan    []Happened      `json:"plan"`
	Clients []ledger.Counts `json:"clients"` // of each group
}

// String is the verdict as one line.
func (r Result) String() string {
	return fmt.Sprintf("%s | redelivered %d recovered %d | faults %d seed %d", r.Verdict.Verdict, r.Redelivered, r.Recovered, r.Faults, r.Seed)
}

// OK says that nothing was lost, doubled or changed although everything was
// done to bring that about, and that the system was soon itself again.
func (r Result) OK() bool { return len(r.Complaints()) == 0 }

// Complaints say why the result is not OK.
func (r Result) Complaints() []string {
	var all []string
	if !r.Verdict.OK() {
		all = append(all, "something accepted was lost, doubled, ended otherwise than demanded, or changed after its end")
	}
	if r.Accepted == 0 {
		all = append(all, "nothing was accepted: this proves nothing")
	}
	if r.Redelivered == 0 {
		all = append(all, "nothing was delivered twice: this proves nothing")
	}
	if r.Faults < r.Wanted {
		all = append(all, fmt.Sprintf("only %d of %d faults happened", r.Faults, r.Wanted))
	}
	if !r.Pace.InTime() {
		all = append(all, "the pace was not back within "+verdict.PaceLimit.String()+" after the last fault")
	}
	return all
}

// printedFindings is how many findings people are shown; the JSON has all.
const printedFindings = 20

// Text is the result for people: findings, pace, complaints, and the verdict as
// the last line.
func (r Result) Text() string {
	var b strings.Builder
	for _, f := range r.Findings[:min(len(r.Findings), printedFindings)] {
		fmt.Fprintf(&b, "%s: %s %q: %s\n", f.Kind, f.Operation, f.Name, f.Detail)
	}
	if more := len(r.Findings) - printedFindings; more > 0 {
		fmt.Fprintf(&b, "and %d more findings\n", more)
	}
	fmt.Fprintln(&b, r.Pace)
	for _, complaint := range r.Complaints() {
		fmt.Fprintln(&b, "NOT OK:", complaint)
	}
	fmt.Fprintln(&b, r)
	return b.String()
}
