package generator

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// How often progress is shown: on a terminal, and in a log.
const (
	barEvery  = 250 * time.Millisecond
	lineEvery = 5 * time.Second
)

// showProgress shows how the run does until the returned function is called.
func (r *run) showProgress() (stop func()) {
	if r.options.Progress == nil {
		return func() {}
	}
	show, every := r.line, lineEvery
	if r.options.Terminal {
		show, every = r.bar(), barEvery
	}
	done := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				show()
			}
		}
	})
	return func() {
		close(done)
		showing.Wait()
		if r.options.Terminal {
			show()
			_, _ = fmt.Fprintln(r.options.Progress)
		}
	}
}

// line shows progress as one line of a log.
func (r *run) line() {
	elapsed := time.Since(r.start)
	_, _ = fmt.Fprintf(r.options.Progress, "%4.0fs %s\n", elapsed.Seconds(), r.status(elapsed))
}

// bar shows progress as a bar: of the operations if their number is known,
// else of the time; without either it only turns.
func (r *run) bar() func() {
	total, position := int64(-1), func() int64 { return r.ledger.Counts().Ended() }
	switch o := r.options; {
	case o.Count > 0:
		total = o.Count
	case o.Duration > 0:
		total = int64(o.Duration / time.Millisecond)
		position = func() int64 { return time.Since(r.start).Milliseconds() }
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(r.options.Progress),
		progressbar.OptionSetWidth(20), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false), progressbar.OptionShowDescriptionAtLineEnd())
	return func() {
		bar.Describe(r.status(time.Since(r.start)))
		at := position()
		if total > 0 {
			at = min(at, total)
		}
		_ = bar.Set64(at)
	}
}

// status says how far the run is, and what last went wrong.
func (r *run) status(elapsed time.Duration) string {
	c := r.ledger.Counts()
	s := fmt.Sprintf("attempted %d accepted %d (%.0f/s) ended %d pending %d", c.Attempted, c.Accepted,
		perSecond(c.Accepted, elapsed), c.Ended(), c.Pending())
	if n := c.Busy + c.Timeouts + c.NoConnection + c.Refused; n > 0 {
		s += fmt.Sprintf(" refused %d", n)
	}
	if n := c.Duplicated + c.Unexpected + c.Regressed; n > 0 {
		s += fmt.Sprintf(" WRONG %d", n)
	}
	if err := r.trouble.take(); err != nil && !r.options.Terminal {
		s += ": " + err.Error()
	}
	return s
}
