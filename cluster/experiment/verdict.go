package experiment

import (
	"fmt"
	"strings"
	"time"

	"registration.example/cluster/record"
)

// Bounds are what a run may not leave.
type Bounds struct {
	// Min is the least number of replicas, to which the run has to come back.
	Min int
	// Partitions are the most replicas that can work.
	Partitions int
	// Profile is the load.
	Profile Profile
	// Flow is how many records a second one replica does.
	Flow float64
}

const (
	// growth is how far back a look at the lag goes to see whether it grows.
	growth = 10 * time.Second
	// swing is the share by which replicas have to go down, and up again, to be a swing.
	swing = 0.1
)

// Verdict is what was found in a run.
type Verdict struct {
	// Violations are what the run broke, empty if all is well.
	Violations []string
	// MaxLag is the highest lag, MaxPods the most pods that were ready.
	MaxLag  int64
	MaxPods int
	// PlateauLag is the highest lag under full load, once the first backlog was gone.
	PlateauLag int64
	// Swings is how often replicas went down and up again under full load.
	Swings int
	// Drained is how long after the end of the load the lag was gone, and Back
	// how long until only the least number of pods was left; negative: never.
	Drained, Back float64
	// PodSeconds is what was paid for: pods times their time.
	PodSeconds float64
}

// OK says that nothing was broken.
func (v Verdict) OK() bool { return len(v.Violations) == 0 }

// Judge looks at a run from its begin to its end.
func Judge(samples []record.Sample, b Bounds) Verdict {
	v := Verdict{Drained: -1, Back: -1}
	if len(samples) == 0 {
		v.violated("nothing was recorded")
		return v
	}
	v.measure(samples, b)
	v.limits(samples, b)
	v.flapping(samples, b)
	v.ends(samples[len(samples)-1], b)
	return v
}

func (v *Verdict) violated(format string, args ...any) {
	v.Violations = append(v.Violations, fmt.Sprintf(format, args...))
}

func (v *Verdict) measure(samples []record.Sample, b Bounds) {
	top, end := b.Profile.Top().Seconds(), b.Profile.End().Seconds()
	settled, high, low := false, 0, 0
	for i, s := range samples {
		v.MaxLag, v.MaxPods = max(v.MaxLag, s.Lag), max(v.MaxPods, s.Ready)
		if i > 0 {
			v.PodSeconds += float64(s.Ready) * (s.Seconds - samples[i-1].Seconds)
		}
		if s.Seconds >= end {
			v.after(s, s.Seconds-end, b)
			continue
		}
		if s.Seconds < top {
			continue
		}
		// The first backlog is gone when there are pods enough, and what is left is under way: two seconds of the load.
		settled = settled || float64(s.Ready)*b.Flow >= s.Offered && float64(s.Lag) <= 2*s.Offered
		if settled {
			v.PlateauLag = max(v.PlateauLag, s.Lag)
		}
		high, low = v.swings(s.Wanted, high, low)
	}
}

// swings counts a way down that is followed by a way up.
func (v *Verdict) swings(wanted, high, low int) (int, int) {
	if high == 0 {
		return wanted, wanted
	}
	low = min(low, wanted)
	switch {
	case float64(low) < float64(high)*(1-swing) && float64(wanted) > float64(low)*(1+swing):
		v.Swings++
		return wanted, wanted
	case wanted > high:
		return wanted, wanted
	}
	return high, low
}

func (v *Verdict) after(s record.Sample, since float64, b Bounds) {
	if s.Lag == 0 && v.Drained < 0 {
		v.Drained = since
	}
	if s.Pods > b.Min {
		v.Back = -1
	} else if v.Back < 0 {
		v.Back = since
	}
}

// limits: more replicas than partitions would do nothing; and a run in which
// nothing was scaled proves nothing.
func (v *Verdict) limits(samples []record.Sample, b Bounds) {
	for _, s := range samples {
		if most := max(s.Wanted, s.Pods, s.Members); most > b.Partitions {
			v.violated("%.0f s: %d replicas for %d partitions", s.Seconds, most, b.Partitions)
			break
		}
	}
	if v.MaxPods <= b.Min {
		v.violated("never more than %d pods were ready: nothing was scaled", v.MaxPods)
	}
	if float64(v.MaxLag) <= b.Flow*float64(b.Min) {
		v.violated("the lag never rose above %d: there was nothing to scale for", v.MaxLag)
	}
}

// flapping: replicas may not be taken away while the lag grows, nor go down and
// up again under a load that stays the same.
func (v *Verdict) flapping(samples []record.Sample, b Bounds) {
	for i, s := range samples {
		if i == 0 || s.Wanted >= samples[i-1].Wanted {
			continue
		}
		before := at(samples[:i], s.Seconds-growth.Seconds())
		// Commits come once a second: a second's flow is no growth.
		if float64(s.Lag-before.Lag) > max(s.Offered, b.Flow) {
			v.violated("%.0f s: from %d to %d replicas while the lag grew from %d to %d in %s",
				s.Seconds, samples[i-1].Wanted, s.Wanted, before.Lag, s.Lag, growth)
		}
	}
	if v.Swings > 0 {
		v.violated("replicas went down and up again %d times under the same load", v.Swings)
	}
}

// at is the newest sample that is not younger.
func at(samples []record.Sample, seconds float64) record.Sample {
	found := samples[0]
	for _, s := range samples {
		if s.Seconds <= seconds {
			found = s
		}
	}
	return found
}

func (v *Verdict) ends(last record.Sample, b Bounds) {
	if last.Lag > 0 {
		v.violated("at the end %d records are left", last.Lag)
	}
	if last.Pods > b.Min {
		v.violated("at the end there are %d pods, not %d", last.Pods, b.Min)
	}
}

// String is the verdict for people.
func (v Verdict) String() string {
	text := fmt.Sprintf("highest lag %d (%d under full load, once caught up), most pods %d, swings under full load %d, "+
		"drained %.0f s and back to the minimum %.0f s after the load, %.0f pod-seconds",
		v.MaxLag, v.PlateauLag, v.MaxPods, v.Swings, v.Drained, v.Back, v.PodSeconds)
	if v.OK() {
		return text + "\nOK"
	}
	return text + "\nWRONG: " + strings.Join(v.Violations, "\nWRONG: ")
}
