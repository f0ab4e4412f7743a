package generator

import (
	"testing"
	"testing/synctest"
	"time"

	"registration.example/load/pause"
)

// TestFewLooks: the follower asks little more than once about each operation,
// however long sagas take, and does not wear a system down that stands still.
func TestFewLooks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		takes time.Duration
		most  float64 // GETs an operation
	}{
		"5 ms":  {5 * time.Millisecond, 1.3},
		"50 ms": {50 * time.Millisecond, 1.3},
		"2 s":   {2 * time.Second, 1.7},
		"20 s":  {20 * time.Second, 2.5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &fake{takes: test.takes}
				o := options(f)
				o.Rate, o.Count, o.Clients, o.Check, o.Drain = 1000, 10_000, 50, 0, time.Minute
				report := mustRun(t.Context(), t, o)
				looks := float64(f.gets) / float64(report.Verdict.Accepted)
				if !report.OK() || looks > test.most {
					t.Errorf("%.2f looks an operation; %s", looks, report.Verdict)
				}
				behind := report.Elapsed - report.Sending - test.takes.Seconds()
				if behind > 0.5+test.takes.Seconds()/2 {
					t.Errorf("the last end was seen %.2f s late", behind)
				}
			})
		})
	}
}

// TestDelayRecovers: after a stall of 20 s the follower has learned within a
// few seconds that sagas are short again.
func TestDelayRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{takes: 20 * time.Millisecond}
		o := options(f)
		o.Rate, o.Count, o.Duration, o.Check = 1000, 0, 10*time.Second, 0
		r, err := newRun(o)
		if err != nil {
			t.Fatal(err)
		}
		r.follower.delay = 20 * time.Second
		go func() {
			_ = pause.For(t.Context(), 5*time.Second)
			if pending := r.ledger.Counts().Pending(); pending > 200 {
				t.Errorf("%d pending after 5 s", pending)
			}
		}()
		r.load(t.Context())
		if r.follower.delay > 100*time.Millisecond {
			t.Errorf("the delay is still %v", r.follower.delay)
		}
	})
}
