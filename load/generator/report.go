package generator

import (
	"fmt"
	"io"
	"strings"
	"time"

	"registration.example/load/ledger"
)

// Report is the result of a run.
type Report struct {
	Target   string    `json:"target"`
	Start    time.Time `json:"start"`
	Rate     float64   `json:"rate"` // asked for; 0: closed loop
	Clients  int       `json:"clients"`
	Wait     bool      `json:"wait"`
	Keys     bool      `json:"keys"`
	Seed     uint64    `json:"seed"`
	Sending  float64   `json:"sending_seconds"`
	Elapsed  float64   `json:"elapsed_seconds"` // sending and drain
	Stranded bool      `json:"nothing_accepted"`

	Verdict      ledger.Verdict `json:"verdict"`
	Counts       ledger.Counts  `json:"counts"`
	AcceptedRate float64        `json:"accepted_per_second"` // over the time of sending
	EndedRate    float64        `json:"ended_per_second"`    // from the start to the last end seen

	Acceptance Latency `json:"acceptance_ms"`
	Saga       Latency `json:"saga_ms"`
	Late       Latency `json:"sent_late_ms"`
	LateBusy   int64   `json:"sent_late_clients_busy"`
	LateOwn    int64   `json:"sent_late_generator_slow"`
	Unsent     int64   `json:"unsent"`

	CPUSeconds      float64 `json:"generator_cpu_seconds"`
	CPUPerOperation float64 `json:"generator_cpu_us_per_operation"`

	Findings []ledger.Finding `json:"findings,omitempty"`
}

// Latency sums a distribution up, in milliseconds.
type Latency struct {
	Samples int64   `json:"samples"`
	P50     float64 `json:"p50"`
	P90     float64 `json:"p90"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
}

// OK says that the run proved that nothing was lost, doubled or changed. A run
// in which nothing was accepted proved nothing.
func (r Report) OK() bool { return r.Verdict.OK() && !r.Stranded }

func (r *run) report(sent, ended time.Duration) Report {
	counts, latencies, cpu := r.ledger.Counts(), r.ledger.Latencies(), processCPU()-r.cpuBefore
	report := Report{
		Target: r.options.Target, Start: r.start.UTC(), Rate: r.options.Rate,
		Clients: r.options.Clients, Wait: r.options.Wait, Keys: r.options.Keys, Seed: r.options.Seed,
		Sending: sent.Seconds(), Elapsed: ended.Seconds(),
		Stranded: counts.Attempted > 0 && counts.Accepted == 0,
		Verdict:  r.ledger.Verdict(), Counts: counts,
		AcceptedRate: perSecond(counts.Accepted, sent),
		Acceptance:   summarize(&latencies.Accept),
		Saga:         summarize(&latencies.Saga),
		Late:         summarize(&latencies.Late),
		LateBusy:     r.plan.busy.Load(),
		LateOwn:      r.plan.overdue.Load(),
		Unsent:       r.plan.dropped.Load(),
		CPUSeconds:   cpu.Seconds(),
		Findings:     r.ledger.Findings(),
	}
	if counts.Ended() > 0 {
		report.EndedRate = perSecond(counts.Ended(), r.ledger.LastEnd().Sub(r.start))
	}
	if counts.Attempted > 0 {
		report.CPUPerOperation = float64(cpu.Microseconds()) / float64(counts.Attempted)
	}
	return report
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func summarize(h *ledger.Histogram) Latency {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return Latency{
		Samples: h.Count(), P50: ms(h.Quantile(0.50)), P90: ms(h.Quantile(0.90)),
		P99: ms(h.Quantile(0.99)), Max: ms(h.Max()),
	}
}

// printedFindings is how many faults are shown to people; the JSON has more.
const printedFindings = 10

// Print writes the report for people.
func (r Report) Print(w io.Writer) error {
	var b strings.Builder
	c := r.Counts
	row := func(name, format string, values ...any) {
		fmt.Fprintf(&b, "%-16s"+format+"\n", append([]any{name}, values...)...)
	}
	row("attempted", "%d", c.Attempted)
	row("accepted", "%d (%.1f/s over %.1f s)", c.Accepted, r.AcceptedRate, r.Sending)
	row("completed", "%d (%.1f/s ended, until the last end)", c.Completed, r.EndedRate)
	row("failed", "%d", c.Failed)
	row("lost", "%d", c.Lost)
	row("duplicate users", "%d (%d users asked for)", c.Duplicated, c.UsersChecked)
	row("unexpected", "%d", c.Unexpected)
	row("regressed", "%d (%d looked at again)", c.Regressed, c.LookedAgain)
	row("rejected", "%d (%d answers were 503)", c.Rejected, c.Busy)
	row("errors", "%d", c.Refused)
	row("unknown", "%d (%d timeouts, %d connection errors, %d repeats)", c.Unknown, c.Timeouts, c.NoConnection, c.Repeats)
	fmt.Fprintf(&b, "\n%-16s%10s%10s%10s%10s   milliseconds, from the intended time\n", "", "p50", "p90", "p99", "max")
	row("acceptance", "%s", r.Acceptance)
	row("saga", "%s", r.Saga)
	row("sent late", "%s", r.Late)
	r.printGenerator(&b)
	for _, f := range r.Findings[:min(len(r.Findings), printedFindings)] {
		row(f.Kind, "%s %q: %s", f.Operation, f.Name, f.Detail)
	}
	if more := len(r.Findings) - printedFindings; more > 0 {
		row("", "and %d more findings", more)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Verdict)
	_, err := io.WriteString(w, b.String())
	return err
}

// printGenerator says what the generator itself cost, and where it, not the
// system, kept requests from leaving in time.
func (r Report) printGenerator(b *strings.Builder) {
	fmt.Fprintf(b, "\ngenerator: %.1f s of CPU, %.0f us an operation", r.CPUSeconds, r.CPUPerOperation)
	if r.LateOwn > 0 {
		fmt.Fprintf(b, "; %d sent over %v late because this process was slow", r.LateOwn, lateness)
	}
	if r.LateBusy > 0 {
		fmt.Fprintf(b, "; %d sent over %v late because all %d clients were waiting for answers", r.LateBusy, lateness, r.Clients)
	}
	if r.Unsent > 0 {
		fmt.Fprintf(b, "; %d never sent for the same reason", r.Unsent)
	}
	b.WriteString("\n")
	if r.Stranded {
		b.WriteString("nothing was accepted: this run proves nothing\n")
	}
}

// String is one row of the table of latencies.
func (l Latency) String() string {
	return fmt.Sprintf("%10.1f%10.1f%10.1f%10.1f   %d samples", l.P50, l.P90, l.P99, l.Max, l.Samples)
}
