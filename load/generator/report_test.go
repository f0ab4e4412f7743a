package generator

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestReportForPeople: every figure that decides is in the text, with the
// number of samples behind each latency.
func TestReportForPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: 30 * time.Millisecond, lose: func(n int) bool { return n == 3 }}
		f.answer = func(int) (time.Duration, int) { return 500 * time.Millisecond, 0 }
		o := options(f)
		o.Clients, o.Count, o.Duration = 10, 0, 2*time.Second
		report := mustRun(t.Context(), t, o)
		var out bytes.Buffer
		if err := report.Print(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"attempted       ", "lost            1\n", "duplicate users 0 (", "p50       p90       p99       max",
			" samples\n", "never sent for the same reason", "because all 10 clients were waiting",
			"lost            ", "accepted, not ended", "\n" + report.Verdict.String() + "\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing", want)
			}
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
}

// TestProgressLine: without a terminal, a line every few seconds.
func TestProgressLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var progress bytes.Buffer
		o := options(&fake{takes: 30 * time.Millisecond})
		o.Count, o.Duration, o.Progress, o.Check = 0, 11*time.Second, &progress, 0
		mustRun(t.Context(), t, o)
		lines := strings.Split(strings.TrimSpace(progress.String()), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[1], "  10s attempted 100") {
			t.Errorf("got %q", lines)
		}
	})
}
