package generator

import (
	"context"
	"sync/atomic"
	"time"

	"registration.example/load/pause"
)

// grace is how long after the end of a run requests may still leave that were
// due before it and found every client busy.
const grace = time.Second

// sampleEvery is the least distance of two sampled operations: up to 200 a
// second all are sampled, above that 50 a second.
const sampleEvery = 20 * time.Millisecond

// sampleAllRate is the highest rate at which every operation is sampled.
const sampleAllRate = 200

// schedule says when each operation is to be sent. The times follow from the
// rate alone: an answer that comes late moves none of them (an open loop).
// Clients draw turns from it; it is safe for concurrent use.
type schedule struct {
	start    time.Time
	end      time.Time // zero: none
	rate     float64   // zero: a turn is due when it is drawn (a closed loop)
	count    int64     // zero: no limit
	drawn    atomic.Int64
	dropped  atomic.Int64 // due, but no client was free before the end
	busy     atomic.Int64 // drawn late: every client was waiting for an answer
	overdue  atomic.Int64 // drawn in time, but the timer fired too late
	sampleAt atomic.Int64 // closed loop, high rate: the next sample, since start
}

// turn is one operation's place in the schedule.
type turn struct {
	seq      int64
	intended time.Time
	sampled  bool
}

func newSchedule(start time.Time, o Options) *schedule {
	s := &schedule{start: start, rate: o.Rate, count: o.Count}
	if o.Duration > 0 {
		s.end = start.Add(o.Duration)
	}
	return s
}

// next draws a turn and waits until it is due. It says false when the schedule
// is over or ctx has ended.
func (s *schedule) next(ctx context.Context) (turn, bool) {
	for ctx.Err() == nil {
		t := turn{seq: s.drawn.Add(1) - 1}
		if s.count > 0 && t.seq >= s.count {
			return t, false
		}
		now := time.Now()
		t.intended = s.intended(t.seq, now)
		if !s.end.IsZero() && !t.intended.Before(s.end) {
			return t, false
		}
		if s.tooLate(now) {
			s.dropped.Add(1)
			continue
		}
		t.sampled = s.samples(t)
		return t, s.wait(ctx, t.intended, now)
	}
	return turn{}, false
}

// intended is when turn seq is due.
func (s *schedule) intended(seq int64, now time.Time) time.Time {
	if s.rate == 0 {
		return now
	}
	return s.start.Add(time.Duration(float64(seq) / s.rate * float64(time.Second)))
}

func (s *schedule) tooLate(now time.Time) bool {
	return !s.end.IsZero() && now.After(s.end.Add(grace))
}

// lateness is how much later than intended a request may leave without being
// counted as late.
const lateness = 10 * time.Millisecond

// wait sleeps until due. It counts whether a late start is the fault of slow
// answers or of the generator's own machine.
func (s *schedule) wait(ctx context.Context, due, now time.Time) bool {
	if !due.After(now) {
		if now.Sub(due) > lateness {
			s.busy.Add(1)
		}
		return true
	}
	if pause.For(ctx, due.Sub(now)) != nil {
		return false
	}
	if time.Since(due) > lateness {
		s.overdue.Add(1)
	}
	return true
}

// samples draws the sample by time, before anything is known of the outcome.
func (s *schedule) samples(t turn) bool {
	if s.rate > 0 && s.rate <= sampleAllRate {
		return true
	}
	at, since := s.sampleAt.Load(), int64(t.intended.Sub(s.start))
	return since >= at && s.sampleAt.CompareAndSwap(at, since-since%int64(sampleEvery)+int64(sampleEvery))
}
