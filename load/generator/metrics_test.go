package generator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(&fake{takes: 30 * time.Millisecond, lose: func(n int) bool { return n == 3 }})
		r, err := newRun(o)
		if err != nil {
			t.Fatal(err)
		}
		r.load(t.Context())
		want := `
# HELP load_operations_ended_total Accepted operations that were seen to have ended, by state.
# TYPE load_operations_ended_total counter
load_operations_ended_total{state="completed"} 49
load_operations_ended_total{state="failed"} 0
# HELP load_operations_pending Accepted operations that have not ended.
# TYPE load_operations_pending gauge
load_operations_pending 1
`
		c := newCollector(r.ledger)
		if err := testutil.CollectAndCompare(c, strings.NewReader(want), "load_operations_ended_total", "load_operations_pending"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.CollectAndLint(c); err != nil || len(problems) > 0 {
			t.Errorf("%v %v", problems, err)
		}
		if n := r.ledger.Latencies().Saga.CountUpTo(50 * time.Millisecond); n != 49 {
			t.Errorf("%d sagas under 50 ms, want 49", n)
		}
	})
}
