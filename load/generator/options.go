package generator

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// Options are everything that a run can be told.
type Options struct {
	Target      string        // URL of the operation-service
	UsersTarget string        // URL of the user-service; empty: users are not checked
	Rate        float64       // operations a second; 0: as fast as Clients get answers
	Duration    time.Duration // how long operations are sent; 0: until Count, or for ever
	Count       int64         // how many operations are sent; 0: until Duration, or for ever
	Clients     int           // requests that create operations in flight at once
	Timeout     time.Duration // of one request
	Drain       time.Duration // how long the last operations may take to end
	Wait        bool          // have most requests wait for the end of their operation, see sender.waits
	Keys        bool          // send an Idempotency-Key, repeat what was not answered
	Deny        float64       // share of names that will be denied
	Seed        uint64        // of the names and the samples
	Check       int           // ended operations looked at again after the drain, with their users
	MetricsAddr string        // where /metrics is served; empty: nowhere
	Journal     io.Writer     // receives a line per settled operation; nil: none

	Log       *slog.Logger      // what went wrong with the run itself
	Progress  io.Writer         // where progress is shown; nil: nowhere
	Terminal  bool              // Progress is a terminal: show a bar
	Transport http.RoundTripper // nil: the network
}

// validate says what cannot be meant.
func (o Options) validate() error {
	switch {
	case o.Rate < 0 || o.Duration < 0 || o.Count < 0 || o.Drain < 0 || o.Check < 0:
		return errors.New("a rate, count or duration is negative")
	case o.Deny < 0 || o.Deny > 1:
		return fmt.Errorf("the share of denied names is %v, not within 0 to 1", o.Deny)
	case o.Clients < 1:
		return errors.New("no clients")
	case o.Timeout <= 0:
		return errors.New("no time for a request")
	}
	return nil
}
