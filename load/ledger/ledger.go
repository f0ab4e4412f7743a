// Package ledger keeps the account of a load run outside the system under
// load: every request attempted, every operation accepted, how each one ended,
// and whether the ends are the ones that the requests demanded.
//
// It holds no connection and asks nothing: others tell it what they saw. It
// keeps only what is still open, a sample of what ended, and sums, so a run
// may last for ever.
package ledger

import (
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

// maxFindings bounds the list of faults kept with their ids; the counters go on.
const maxFindings = 100

// Finding is one fault with the operation it was found on.
type Finding struct {
	Kind      string    `json:"kind"` // lost, duplicated, unexpected, regressed
	Operation uuid.UUID `json:"operation_id"`
	Name      string    `json:"name"`
	Detail    string    `json:"detail"`
}

// Options say what a Ledger keeps.
type Options struct {
	Journal io.Writer  // receives one JSON line per settled operation; nil for none
	Sample  int        // how many ended operations are kept for a second look
	Random  *rand.Rand // draws that sample
}

// Ledger is the account of one run. It is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	options  Options
	journal  *journal
	counts   Counts
	open     map[*Entry]struct{}
	ids      idSet
	sample   []*Entry
	findings []Finding
	accept   Histogram
	saga     Histogram
	late     Histogram
	lastEnd  time.Time
}

// New makes an empty Ledger.
func New(o Options) *Ledger {
	return &Ledger{options: o, journal: newJournal(o.Journal), open: map[*Entry]struct{}{}}
}

// Attempt notes that e's first request is being sent.
func (l *Ledger) Attempt(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.State = Attempted
	l.open[e] = struct{}{}
	l.counts.Attempted++
	l.late.Add(e.Sent.Sub(e.Intended))
}

// Doubt notes that a request of e has an unknown outcome: it may have been
// accepted, whatever later answers say.
func (l *Ledger) Doubt(e *Entry, timeout bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.doubtful = true
	if timeout {
		l.counts.Timeouts++
	} else {
		l.counts.NoConnection++
	}
}

// Busy notes a 503.
func (l *Ledger) Busy() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Busy++
}

// Repeat notes that e is sent again.
func (l *Ledger) Repeat(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Attempts++
	l.counts.Repeats++
}

// GiveUp settles an operation that was never accepted: last is Rejected or
// Refused, and an entry with a request of unknown outcome stays Attempted.
func (l *Ledger) GiveUp(e *Entry, last State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case e.doubtful:
		l.counts.Unknown++
	case last == Rejected:
		e.State = last
		l.counts.Rejected++
	default:
		e.State = Refused
		l.counts.Refused++
	}
	l.settle(e)
}

// Accept notes e's 202. An id that an earlier operation got already is a
// duplicate: two requests made into one.
func (l *Ledger) Accept(e *Entry, id uuid.UUID, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.State, e.ID, e.Accepted = Accepted, id, at
	l.counts.Accepted++
	if !e.Waited {
		l.accept.Add(at.Sub(e.Intended))
	}
	if !l.ids.add(id) {
		l.counts.Duplicated++
		l.find("duplicated", e, "two requests were given one operation")
	}
}

// End notes how e ended, and what is wrong with it.
func (l *Ledger) End(e *Entry, seen Seen, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.State, e.Ended, e.seen = seen.State, at, seen
	l.lastEnd = at
	if seen.State == Completed {
		l.counts.Completed++
	} else {
		l.counts.Failed++
	}
	if e.Sampled {
		l.saga.Add(at.Sub(e.Intended))
	}
	l.judge(e)
	l.keep(e)
	l.settle(e)
}

// judge compares an end with what the name demands and whose user it names.
func (l *Ledger) judge(e *Entry) {
	made := e.seen.User != uuid.Nil
	if (made || e.seen.State == Completed) && e.seen.User != UserID(e.ID) {
		l.counts.Duplicated++
		l.find("duplicated", e, "names user "+e.seen.User.String()+", not the one this operation may make")
	}
	if e.seen.State == Completed && e.seen.Approved == e.Deny {
		l.counts.Unexpected++
		l.find("unexpected", e, fmt.Sprintf("approved is %t", e.seen.Approved))
	}
}

// keep holds e for the second look, each ended operation with the same chance.
func (l *Ledger) keep(e *Entry) {
	if len(l.sample) < l.options.Sample {
		l.sample = append(l.sample, e)
		return
	}
	if l.options.Sample == 0 {
		return
	}
	if i := l.options.Random.Int64N(l.counts.Ended()); i < int64(len(l.sample)) {
		l.sample[i] = e
	}
}

// Gone notes that a GET found nothing where a 202 had promised an operation.
// It counts once an operation.
func (l *Ledger) Gone(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !e.gone {
		e.gone = true
		l.counts.Regressed++
		l.find("regressed", e, "404 after 202")
	}
}

// settle closes e's account: nothing more will become of it.
func (l *Ledger) settle(e *Entry) {
	delete(l.open, e)
	l.journal.write(e)
}

// find keeps a fault, as long as there are few. It is called with mu held.
func (l *Ledger) find(kind string, e *Entry, detail string) {
	if len(l.findings) < maxFindings {
		l.findings = append(l.findings, Finding{kind, e.ID, e.Name, detail})
	}
}
