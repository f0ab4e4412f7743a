package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestQuantiles compares with the exact percentiles of the sorted values.
func TestQuantiles(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	shapes := map[string]func() time.Duration{
		"microseconds": func() time.Duration { return time.Duration(random.IntN(100)) * time.Microsecond },
		"exponential":  func() time.Duration { return time.Duration(random.ExpFloat64() * float64(20*time.Millisecond)) },
		"two humps": func() time.Duration {
			return []time.Duration{3 * time.Millisecond, 40 * time.Second}[random.IntN(2)]
		},
	}
	for name, draw := range shapes {
		t.Run(name, func(t *testing.T) {
			var h Histogram
			var all []time.Duration
			for range 10_000 {
				d := draw()
				h.Add(d)
				all = append(all, d)
			}
			slices.Sort(all)
			for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
				want := all[int(q*float64(len(all)))-1]
				got := h.Quantile(q)
				if got < want || got > want+want/100+time.Microsecond {
					t.Errorf("quantile %v is %v, want %v to within 1 %%", q, got, want)
				}
			}
			if h.Max() != all[len(all)-1] || h.Count() != 10_000 {
				t.Errorf("max %v of %d", h.Max(), h.Count())
			}
		})
	}
}

func TestBucketsHaveNoGaps(t *testing.T) {
	t.Parallel()
	for i := range octaves*subBuckets - 1 {
		if got := bucket(upper(i)); got != i {
			t.Fatalf("the last value of bucket %d, %v, falls into %d", i, upper(i), got)
		}
		if got := bucket(upper(i) + 1); got != i+1 {
			t.Fatalf("the first value after bucket %d, %v, falls into %d", i, upper(i)+1, got)
		}
	}
}

func TestHistogramEdges(t *testing.T) {
	t.Parallel()
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 {
		t.Error("an empty histogram has values")
	}
	h.Add(-time.Second)
	h.Add(1000 * time.Hour)
	if h.Quantile(0.5) > time.Microsecond || h.Max() != 1000*time.Hour || h.Sum() != 1000*time.Hour {
		t.Errorf("p50 %v, max %v, sum %v", h.Quantile(0.5), h.Max(), h.Sum())
	}
	if got := h.CountUpTo(time.Hour); got != 1 {
		t.Errorf("%d values up to an hour, want 1", got)
	}
}
