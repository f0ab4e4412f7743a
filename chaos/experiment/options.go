// Package experiment puts a system under load, does faults to it by plan, and
// judges what became of all that it had accepted.
package experiment

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Options say what an experiment is.
type Options struct {
	// Seed is what the faults and the clients' names follow from.
	Seed uint64
	// Duration is how long the load lasts, about.
	Duration time.Duration
	// Rate is how many operations a second are asked for.
	Rate float64
	// Profile is Embedded, Kafka or KafkaMongoDB.
	Profile string
	// MongoDB is a connection string, for KafkaMongoDB.
	MongoDB string
	// MongoDBCommand starts the database, so that it can be killed and halted
	// too; empty: it runs already, and only its link is disturbed.
	MongoDBCommand string
	// ApprovalDelay is how long the approval of one user takes.
	ApprovalDelay time.Duration
	// Folder holds the system, its logs and the ledgers; it is to be empty.
	Folder string
	// Out is told what happens.
	Out io.Writer
}

const (
	// calm is how long nothing happens at first, to know the undisturbed pace;
	// what begins in the first seconds of it is not measured.
	calm   = 25 * time.Second
	warmUp = 5 * time.Second
	// aftermath is how long the load goes on after the last fault.
	aftermath = 40 * time.Second
	// slot is how long one fault has before the next begins, on average.
	slot = 6500 * time.Millisecond
)

// Shortest is the least duration: time for each kind of fault once.
const Shortest = calm + aftermath + 7*slot

// faults is how many fit in.
func (o Options) faults() int { return int((o.Duration - calm - aftermath) / slot) }

func (o Options) validate() error {
	switch {
	case o.Duration < Shortest:
		return fmt.Errorf("a duration of %s is too short for each kind of fault: at least %s", o.Duration, Shortest)
	case o.Rate <= 0:
		return fmt.Errorf("a rate of %v is no load", o.Rate)
	case !slices.Contains(profiles, o.Profile):
		return fmt.Errorf("profile %q is none of %s", o.Profile, strings.Join(profiles, ", "))
	}
	return nil
}
