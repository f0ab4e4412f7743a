package verdict

import (
	"fmt"
	"slices"
	"time"

	"registration.example/load/ledger"
)

const (
	// paceWindow is how long requests are taken together for one percentile.
	paceWindow = 5 * time.Second
	paceStep   = time.Second
)

// PaceLimit is how soon after the last fault the pace is to be back.
const PaceLimit = 30 * time.Second

// Pace says how soon after the last fault sagas took no longer than before the
// first one.
type Pace struct {
	// Undisturbed is the 99th percentile of the duration of a saga before the
	// first fault, in the slowest window of 5 s.
	Undisturbed float64 `json:"undisturbed_p99_ms"`
	// Back is the beginning of the first window after the last fault that was
	// no slower, in seconds; -1 if none was.
	Back float64 `json:"back_after_seconds"`
	// After is the percentile of that window, or of the fastest one.
	After float64 `json:"after_p99_ms"`
	// Course is the percentile of every window after the last fault, each a
	// second later than the one before.
	Course []float64 `json:"course_p99_ms"`
}

// InTime says whether the pace was back soon enough.
func (p Pace) InTime() bool { return p.Back >= 0 && p.Back <= PaceLimit.Seconds() }

// String says it as a line for people.
func (p Pace) String() string {
	if p.Back < 0 {
		return fmt.Sprintf("p99 of a saga: %.0f ms undisturbed; not back to it after the last fault, %.0f ms at best", p.Undisturbed, p.After)
	}
	return fmt.Sprintf("p99 of a saga: %.0f ms undisturbed, back to %.0f ms %.0f s after the last fault", p.Undisturbed, p.After, p.Back)
}

// Span is a time from one moment to another.
type Span struct{ From, To time.Time }

// MeasurePace compares the sagas that began in two spans: before the first
// fault, and after the last one.
func MeasurePace(requests []ledger.Line, before, after Span) Pace {
	p := Pace{Back: -1}
	for _, w := range windows(before) {
		if ms, ok := p99(requests, w); ok {
			p.Undisturbed = max(p.Undisturbed, ms)
		}
	}
	for _, w := range windows(after) {
		ms, ok := p99(requests, w)
		if !ok {
			continue
		}
		p.Course = append(p.Course, ms)
		if p.Back < 0 && (p.After == 0 || ms < p.After) {
			p.After = ms
			if ms <= p.Undisturbed {
				p.Back = w.From.Sub(after.From).Seconds()
			}
		}
	}
	return p
}

// windows are the windows that lie within a span.
func windows(s Span) []Span {
	var all []Span
	for from := s.From; !from.Add(paceWindow).After(s.To); from = from.Add(paceStep) {
		all = append(all, Span{from, from.Add(paceWindow)})
	}
	return all
}

// endless stands for a saga that has not ended, in milliseconds.
const endless = float64(time.Hour / time.Millisecond)

// p99 is the percentile of the measured sagas that began in a window.
func p99(requests []ledger.Line, w Span) (milliseconds float64, ok bool) {
	var took []float64
	for _, r := range requests {
		if !r.Sampled || r.Attempted.Before(w.From) || !r.Attempted.Before(w.To) {
			continue
		}
		if r.Ended == nil {
			took = append(took, endless)
			continue
		}
		took = append(took, r.SagaMS)
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	return took[(len(took)*99+99)/100-1], true
}
