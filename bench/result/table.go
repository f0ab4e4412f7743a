package result

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes one run for people.
func (r Run) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(t, "  %s\t"+format+"\n", append([]any{name}, values...)...)
	}
	_, _ = fmt.Fprintf(t, "\n%s\n", r.Name)
	row("sagas", "%.0f/s, %.0f events/s; %d accepted in %.0f s, %d lost, %d answers 503",
		r.Sagas, r.Events, r.Load.Counts.Accepted, r.Load.Sending, r.Load.Counts.Lost, r.Load.Counts.Busy)
	row("POST", "p50 %.1f ms, p90 %.1f, p99 %.1f, max %.1f", r.Load.Acceptance.P50, r.Load.Acceptance.P90, r.Load.Acceptance.P99, r.Load.Acceptance.Max)
	row("POST to ended", "p50 %.1f ms, p90 %.1f, p99 %.1f, max %.1f", r.Load.Saga.P50, r.Load.Saga.P90, r.Load.Saga.P99, r.Load.Saga.Max)
	row("CPU a saga", "services and sidecars %.0f us; %s", r.Services(), list(r.Micros, "%s %.0f"))
	row("memory", "%.0f MB without the load generator; %s", r.Memory(), list(r.Megabytes, "%s %.0f"))
	row("batches", "%s", list(r.Batches, "%s %.1f"))
	for _, name := range slices.Sorted(maps.Keys(r.Extra)) {
		row(name, "%.4g", r.Extra[name])
	}
	for _, note := range r.Notes {
		row("note", "%s", note)
	}
	return t.Flush()
}

func list(values map[string]float64, format string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, fmt.Sprintf(format, name, values[name]))
	}
	return strings.Join(parts, ", ")
}

// Compare writes what changed from one result to another, run by run.
func Compare(w io.Writer, before, after Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(t, "\t%s\t%s\tratio\t\n", before.Commit, after.Commit)
	for _, b := range after.Runs {
		i := slices.IndexFunc(before.Runs, func(r Run) bool { return r.Name == b.Name })
		if i < 0 {
			continue
		}
		a := before.Runs[i]
		row := func(name string, from, to float64) {
			if from == 0 && to == 0 {
				return
			}
			_, _ = fmt.Fprintf(t, "%s %s\t%.1f\t%.1f\t%.2f\t\n", b.Name, name, from, to, to/from)
		}
		row("sagas/s", a.Sagas, b.Sagas)
		row("services+sidecars us/saga", a.Services(), b.Services())
		for _, process := range slices.Sorted(maps.Keys(b.Micros)) {
			row(process+" us/saga", a.Micros[process], b.Micros[process])
		}
		row("POST p50 ms", a.Load.Acceptance.P50, b.Load.Acceptance.P50)
		row("POST p99 ms", a.Load.Acceptance.P99, b.Load.Acceptance.P99)
		row("ended p50 ms", a.Load.Saga.P50, b.Load.Saga.P50)
		row("ended p99 ms", a.Load.Saga.P99, b.Load.Saga.P99)
		row("memory MB", a.Memory(), b.Memory())
		for _, name := range slices.Sorted(maps.Keys(b.Extra)) {
			row(name, a.Extra[name], b.Extra[name])
		}
	}
	return t.Flush()
}
