package simulation

import (
	"flag"
	"strings"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Uint64("seeds", 10_000, "histories to run")
	only  = flag.Uint64("seed", 0, "run the history of this seed alone")
)

// TestPromises runs histories. One that breaks a promise is run again with
//
//	go test ./simulation -run TestPromises -seed N
func TestPromises(t *testing.T) {
	first, last := uint64(1), *seeds
	if *only != 0 {
		first, last = *only, *only
	}
	var deliveries, redelivered, accepted int
	faults := map[fault]int{}
	for seed := first; seed <= last; seed++ {
		synctest.Test(t, func(t *testing.T) {
			h, broken := play(seed)
			if len(broken) > 0 {
				t.Fatalf("seed %d:\n%s", seed, strings.Join(broken, "\n"))
			}
			deliveries, redelivered, accepted = deliveries+h.deliveries, redelivered+h.redelivered, accepted+len(h.accepted)
			for f, n := range h.faults {
				faults[f] += n
			}
		})
	}
	t.Logf("%d histories: %d operations accepted, %d deliveries, %d of them again, faults %v", last-first+1, accepted, deliveries, redelivered, faults)
	if *only == 0 && (accepted == 0 || redelivered == 0 || faults[crashAfter] == 0 || faults[unconfirmed] == 0) {
		t.Error("nothing went wrong: this proves nothing")
	}
}

// TestHistoryFollowsFromItsSeed runs one seed twice.
func TestHistoryFollowsFromItsSeed(t *testing.T) {
	for seed := uint64(1); seed <= 100; seed++ {
		var steps [2][3]int
		for i := range steps {
			synctest.Test(t, func(*testing.T) {
				h, _ := play(seed)
				steps[i] = [3]int{h.deliveries, h.redelivered, h.faults[lost]}
			})
		}
		if steps[0] != steps[1] {
			t.Fatalf("seed %d: %v, then %v", seed, steps[0], steps[1])
		}
	}
}
