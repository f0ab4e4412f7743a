package verdict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/chaos/verdict"
	"registration.example/load/ledger"
)

// sagas are requests, ten a second from the start on; took gives the duration
// of the one that began after that time, 0 for one without an end.
func sagas(length time.Duration, took func(time.Duration) float64) []ledger.Line {
	var lines []ledger.Line
	for at := time.Duration(0); at < length; at += 100 * time.Millisecond {
		l := ledger.Line{Attempted: start.Add(at), Sampled: true, SagaMS: took(at)}
		if l.SagaMS > 0 {
			l.Ended = &start
		}
		lines = append(lines, l)
	}
	return lines
}

func TestPace(t *testing.T) {
	t.Parallel()
	before := verdict.Span{From: start, To: start.Add(20 * time.Second)}
	after := verdict.Span{From: start.Add(60 * time.Second), To: start.Add(100 * time.Second)}
	for name, test := range map[string]struct {
		after  func(since time.Duration) float64
		want   verdict.Pace
		first  float64 // of the course
		inTime bool
	}{
		"at once":   {func(time.Duration) float64 { return 40 }, verdict.Pace{Undisturbed: 50, Back: 0, After: 40}, 40, true},
		"by and by": {func(since time.Duration) float64 { return 60 - since.Seconds()/2 }, verdict.Pace{Undisturbed: 50, Back: 20, After: 50}, 60, true},
		"never":     {func(time.Duration) float64 { return 70 }, verdict.Pace{Undisturbed: 50, Back: -1, After: 70}, 70, false},
		"not all end": {func(since time.Duration) float64 {
			if since < 33*time.Second && since%time.Second == 0 {
				return 0
			}
			return 30
		}, verdict.Pace{Undisturbed: 50, Back: 33, After: 30}, 3600000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := sagas(100*time.Second, func(at time.Duration) float64 {
				switch {
				case at < 10*time.Second:
					return 20
				case at < 20*time.Second:
					return 50
				case at < 60*time.Second:
					return 9000
				default:
					return test.after(at - 60*time.Second)
				}
			})
			got := verdict.MeasurePace(lines, before, after)
			if len(got.Course) != 36 || got.Course[0] != test.first {
				t.Errorf("the course is %v", got.Course)
			}
			got.Course = nil
			if diff := cmp.Diff(test.want, got); diff != "" || got.InTime() != test.inTime {
				t.Errorf("got %+v, in time %t; want %+v", got, got.InTime(), test.want)
			}
			if text := got.String(); !strings.Contains(text, "50 ms undisturbed") || strings.Contains(text, "not back") != (got.Back < 0) {
				t.Errorf("told as %q", text)
			}
		})
	}
}

// What was not measured, or began outside, counts for nothing.
func TestPaceOfOthers(t *testing.T) {
	t.Parallel()
	lines := sagas(10*time.Second, func(time.Duration) float64 { return 50 })
	for i := range lines {
		lines[i].Sampled = false
	}
	span := verdict.Span{From: start, To: start.Add(10 * time.Second)}
	if got := verdict.MeasurePace(lines, span, span); !cmp.Equal(got, verdict.Pace{Back: -1}) {
		t.Errorf("got %+v", got)
	}
}
