package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/chaos/plan"
)

var targets = plan.Targets{
	Processes: []string{"a", "a-sidecar", "b", "b-sidecar", "c", "c-sidecar", "broker"},
	Links:     []string{"broker", "database"},
	Services:  []string{"a", "b", "c"},
}

const (
	from  = 25 * time.Second
	to    = 135 * time.Second
	count = 16
)

func draw(seed uint64) []plan.Fault { return plan.Draw(seed, count, from, to, targets) }

// The same seed gives the same plan, another seed another one.
func TestSeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		if diff := cmp.Diff(draw(seed), draw(seed)); diff != "" {
			t.Fatalf("seed %d twice:\n%s", seed, diff)
		}
		if cmp.Equal(draw(seed), draw(seed+1)) {
			t.Fatalf("seeds %d and %d give one plan", seed, seed+1)
		}
	}
}

// Whatever the seed, every kind happens, to every target, in time and in order.
func TestEveryKindAndTarget(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		faults := draw(seed)
		if len(faults) != count {
			t.Fatalf("seed %d: %d faults", seed, len(faults))
		}
		kinds, hit, last := map[plan.Kind]int{}, map[string]bool{}, time.Duration(0)
		for _, f := range faults {
			if f.At < max(from, last) || f.At > to {
				t.Errorf("seed %d: a fault at %s after %s", seed, f.At, last)
			}
			last = f.At
			kinds[f.Kind]++
			hit[class(f.Kind)+f.Target] = true
		}
		for _, kind := range plan.Kinds() {
			if kinds[kind] == 0 {
				t.Errorf("seed %d: no %s", seed, kind)
			}
		}
		// 16 faults are two rounds of 7 kinds, with three of them for processes.
		if len(hit) < 6+2+3 {
			t.Errorf("seed %d: only %d targets hit", seed, len(hit))
		}
	}
}

// class is what a kind of fault happens to.
func class(kind plan.Kind) string {
	switch kind {
	case plan.Delay, plan.Cut:
		return "link "
	case plan.Scale, plan.Roll:
		return "service "
	default:
		return "process "
	}
}

func TestLasting(t *testing.T) {
	t.Parallel()
	longest := time.Duration(0)
	for seed := range uint64(200) {
		for _, f := range draw(seed) {
			switch f.Kind {
			case plan.Stop:
				if f.For < 5*time.Second || f.For > 30*time.Second || f.For > 5*time.Second && f.At+f.For > to {
					t.Errorf("%s at %s", f, f.At)
				}
				longest = max(longest, f.For)
			case plan.Delay:
				if f.Latency < 50*time.Millisecond || f.Latency > 500*time.Millisecond {
					t.Error(f)
				}
			case plan.Kill, plan.Terminate, plan.Cut, plan.Scale:
				if f.For <= 0 || f.For > 10*time.Second {
					t.Error(f)
				}
			case plan.Roll:
			}
		}
	}
	if longest < 25*time.Second {
		t.Errorf("the longest stop is %s", longest)
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for _, f := range draw(1) {
		if text := f.String(); !strings.HasPrefix(text, string(f.Kind)) || !strings.Contains(text, f.Target) {
			t.Errorf("%+v is told as %q", f, text)
		}
	}
}
