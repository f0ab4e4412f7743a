package ledger

import (
	"math"
	"math/bits"
	"time"
)

// A bucket is at most 1/128 of its value wide, so a percentile is right to
// within 0.8 %; the last bucket ends after 19 hours.
const (
	subBuckets = 128
	subBits    = 7
	octaves    = 30
)

// Histogram counts durations in buckets whose width grows with the value, as
// HDR histograms do: constant memory however long a run lasts. It is not safe
// for concurrent use; the Ledger guards its own.
type Histogram struct {
	counts [octaves * subBuckets]int64
	count  int64
	sum    time.Duration
	max    time.Duration
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(d)]++
	h.count++
	h.sum += d
	h.max = max(h.max, d)
}

// Count says how many durations were added.
func (h *Histogram) Count() int64 { return h.count }

// Sum is the total of the durations added.
func (h *Histogram) Sum() time.Duration { return h.sum }

// Max is the longest duration added, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile is the duration that the share q (0 to 1) of all does not exceed.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(h.count)))
	var seen int64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

// CountUpTo says how many durations were at most d, to within one bucket.
func (h *Histogram) CountUpTo(d time.Duration) int64 {
	var seen int64
	for i := range bucket(d) + 1 {
		seen += h.counts[i]
	}
	return seen
}

// bucket finds a duration's place: one bucket a microsecond up to 128, then
// 128 buckets to each doubling.
func bucket(d time.Duration) int {
	v := uint64(d / time.Microsecond)
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return min((shift+1)*subBuckets+int(v>>shift)-subBuckets, octaves*subBuckets-1)
}

// upper is the longest duration that falls into bucket i.
func upper(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i+1)*time.Microsecond - 1
	}
	shift := i/subBuckets - 1
	v := uint64(i%subBuckets+subBuckets+1) << shift
	return time.Duration(v)*time.Microsecond - 1
}
