package experiment

import (
	"fmt"
	"strings"

	"registration.example/cluster/record"
	"registration.example/load/generator"
)

// Result is what a run brought.
type Result struct {
	// Name is the run's name in its file.
	Name    string
	Samples []record.Sample
	Bounds  Bounds
	Verdict Verdict
	// Reports are the ledgers of the load; none where the load is simulated.
	Reports []generator.Report
	// Restarts is how many processes of pods ended by themselves.
	Restarts int
	// Placeholders is how many of them gave way to pods of the service: large run only.
	Placeholders int
}

// judge judges the curves, and what became of the operations.
func (r *Result) judge() {
	r.Verdict = Judge(r.Samples, r.Bounds)
	for i, report := range r.Reports {
		if !report.OK() {
			r.Verdict.violated("load %d: %s", i+1, report.Verdict)
		}
	}
	if r.Restarts > 0 {
		r.Verdict.violated("%d processes of pods ended by themselves", r.Restarts)
	}
}

// operations sums up the ledgers.
func (r *Result) operations() (accepted, ended, lost int64) {
	for _, report := range r.Reports {
		accepted += report.Counts.Accepted
		ended += report.Counts.Ended()
		lost += report.Counts.Lost
	}
	return accepted, ended, lost
}

// Text is the result for people.
func (r *Result) Text() string {
	var b strings.Builder
	if accepted, ended, lost := r.operations(); len(r.Reports) > 0 {
		fmt.Fprintf(&b, "%d operations accepted, %d ended, %d lost\n", accepted, ended, lost)
	}
	if r.Placeholders > 0 {
		fmt.Fprintf(&b, "%d placeholders gave way to pods of %s\n", r.Placeholders, service)
	}
	return b.String() + r.Verdict.String() + "\n"
}
