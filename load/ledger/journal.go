package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// journal writes one JSON line per settled operation. The first write error
// is kept and returned by close; the run goes on.
type journal struct {
	out *bufio.Writer
	enc *json.Encoder
	err error
}

// Line is an operation as it stands in the ledger file.
type Line struct {
	ID        string     `json:"id,omitempty"`
	Key       string     `json:"key,omitempty"`
	Name      string     `json:"name"`
	State     State      `json:"state"` // accepted: it was lost
	Attempts  int        `json:"attempts"`
	Attempted time.Time  `json:"attempted"`
	Accepted  *time.Time `json:"accepted,omitempty"`
	Ended     *time.Time `json:"ended,omitempty"`
	AcceptMS  float64    `json:"accept_ms,omitempty"`
	SagaMS    float64    `json:"saga_ms,omitempty"` // up to the poll that saw the end, unless sampled
	Sampled   bool       `json:"sampled,omitempty"`
}

func newJournal(w io.Writer) *journal {
	if w == nil {
		return nil
	}
	out := bufio.NewWriterSize(w, 1<<16)
	return &journal{out: out, enc: json.NewEncoder(out)}
}

func (j *journal) write(e *Entry) {
	if j == nil || j.err != nil {
		return
	}
	j.err = j.enc.Encode(line(e))
}

// line turns an entry into what the file keeps of it.
func line(e *Entry) Line {
	l := Line{
		Key: e.Key, Name: e.Name, State: e.State, Attempts: e.Attempts,
		Attempted: e.Sent.UTC(), Sampled: e.Sampled,
	}
	if !e.Accepted.IsZero() {
		at := e.Accepted.UTC()
		l.ID, l.Accepted, l.AcceptMS = e.ID.String(), &at, milliseconds(e.Accepted.Sub(e.Intended))
	}
	if !e.Ended.IsZero() {
		at := e.Ended.UTC()
		l.Ended, l.SagaMS = &at, milliseconds(e.Ended.Sub(e.Intended))
	}
	return l
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return errors.Join(j.err, j.out.Flush())
}
