package generator

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNoCoordinatedOmission stalls a system for a second. A closed loop would
// show that in one request; here every request that was due in it shows its
// share: of a second's 100 requests, one has waited 1,000 ms, one 990 ms, ...
func TestNoCoordinatedOmission(t *testing.T) {
	t.Parallel()
	for name, clients := range map[string]int{"one client": 1, "many clients": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				f := &fake{answer: func(int) (time.Duration, int) {
					if since := time.Since(start); since >= time.Second && since < 2*time.Second {
						return 2*time.Second - since, 0
					}
					return 0, 0
				}}
				o := options(f)
				o.Clients, o.Count, o.Duration, o.Check = clients, 0, 4*time.Second, 0
				report := mustRun(t.Context(), t, o)
				if report.Verdict.Attempted != 400 || report.Unsent != 0 {
					t.Errorf("sent %d, unsent %d: the rate followed the answers", report.Verdict.Attempted, report.Unsent)
				}
				a := report.Acceptance
				if a.P50 > 1 || a.P90 < 595 || a.P90 > 605 || a.P99 < 960 || a.P99 > 970 || a.Max != 1000 {
					t.Errorf("acceptance %+v", a)
				}
				if late := report.LateBusy; (late > 90) != (clients == 1) {
					t.Errorf("%d counted as late with %d clients", late, clients)
				}
			})
		})
	}
}

// TestUnsent: what no client was free for when the time was over is counted,
// not sent into the drain.
func TestUnsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(int) (time.Duration, int) { return time.Second, 0 }}
		o := options(f)
		o.Clients, o.Count, o.Duration = 10, 0, 5*time.Second
		report := mustRun(t.Context(), t, o)
		if v := report.Verdict; v.Attempted+report.Unsent != 500 || v.Attempted < 50 || v.Attempted > 70 {
			t.Errorf("sent %d, unsent %d, want 50 to 70 of 500", v.Attempted, report.Unsent)
		}
	})
}

// TestClosedLoop: as many as the clients get answered.
func TestClosedLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answer: func(int) (time.Duration, int) { return 10 * time.Millisecond, 0 }}
		o := options(f)
		o.Rate, o.Count, o.Clients, o.Duration, o.Check = 0, 0, 4, 10*time.Second, 0
		report := mustRun(t.Context(), t, o)
		if n := report.Verdict.Completed; n < 3990 || n > 4010 {
			t.Errorf("%d completed, want 4 clients x 100 a second x 10 s", n)
		}
		if n := report.Saga.Samples; n < 400 || n > 510 {
			t.Errorf("%d samples, want about 50 a second", n)
		}
	})
}

func TestScheduleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := options(&fake{})
		o.Rate, o.Count = 0.001, 0
		s := newSchedule(time.Now(), o)
		if turn, ok := s.next(t.Context()); !ok || turn.seq != 0 || time.Since(s.start) != 0 {
			t.Errorf("the first turn is %+v, %t after %v", turn, ok, time.Since(s.start))
		}
		if turn, ok := s.next(t.Context()); !ok || turn.intended.Sub(s.start) != 1000*time.Second {
			t.Errorf("the second turn is %+v", turn)
		}
	})
}
