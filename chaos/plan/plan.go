// Package plan draws what is to happen to a system, and when. A plan follows
// from its seed alone, so that one that found something can be run again.
package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The kinds of faults.
const (
	// Kill ends a process with SIGKILL; it is started again after a while.
	Kill Kind = "SIGKILL"
	// Terminate asks a process to end; it is started again after a while.
	Terminate Kind = "SIGTERM"
	// Stop halts a process for a while, in the midst of what it does.
	Stop Kind = "SIGSTOP"
	// Delay holds back all that passes a link.
	Delay Kind = "delay"
	// Cut breaks the connections of a link, and refuses new ones for a while.
	Cut Kind = "cut"
	// Scale adds two replicas of a service for a while.
	Scale Kind = "scale"
	// Roll replaces a service and its sidecar while a replica stands in.
	Roll Kind = "roll"
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Kill, Terminate, Stop, Delay, Cut, Scale, Roll} }

// Fault is one thing that happens.
type Fault struct {
	// At is when it begins, from the start of the load.
	At time.Duration `json:"at"`
	// Kind says what happens.
	Kind Kind `json:"kind"`
	// Target is the name of a process, a link or a service, as Kind demands.
	Target string `json:"target"`
	// For is how long it lasts; a killed process stays down so long.
	For time.Duration `json:"for"`
	// Latency is what Delay adds in each direction.
	Latency time.Duration `json:"latency,omitempty"`
}

// String says it as one line of a log.
func (f Fault) String() string {
	lasting := f.For.Round(100 * time.Millisecond)
	switch f.Kind {
	case Kill, Terminate:
		return fmt.Sprintf("%s %s, started again after %s", f.Kind, f.Target, lasting)
	case Delay:
		return fmt.Sprintf("%s of %s to and from %s for %s", f.Kind, f.Latency.Round(time.Millisecond), f.Target, lasting)
	case Cut:
		return fmt.Sprintf("%s the connections to %s for %s", f.Kind, f.Target, lasting)
	case Scale:
		return fmt.Sprintf("%s %s from 1 to 3 replicas for %s, and back", f.Kind, f.Target, lasting)
	case Roll:
		return fmt.Sprintf("%s %s and its sidecar over to a new version", f.Kind, f.Target)
	default:
		return fmt.Sprintf("%s %s for %s", f.Kind, f.Target, lasting)
	}
}

// Targets are what faults can happen to.
type Targets struct {
	// Processes are killed and stopped.
	Processes []string
	// Links are delayed and cut.
	Links []string
	// Services are scaled and rolled.
	Services []string
}

// Draw draws count faults that begin between from and to, in order, the time
// between them divided evenly. Kinds and targets are dealt like cards: all of
// them come before one comes again.
func Draw(seed uint64, count int, from, to time.Duration, t Targets) []Fault {
	random := rand.New(rand.NewPCG(seed, 0))
	kinds := deck[Kind]{random: random, cards: Kinds()}
	processes := &deck[string]{random: random, cards: t.Processes}
	links := &deck[string]{random: random, cards: t.Links}
	services := &deck[string]{random: random, cards: t.Services}
	targets := map[Kind]*deck[string]{
		Kill: processes, Terminate: processes, Stop: processes, Delay: links, Cut: links, Scale: services, Roll: services,
	}
	faults := make([]Fault, count)
	slot := (to - from) / time.Duration(max(count, 1))
	for i := range faults {
		f := Fault{At: from + time.Duration(i)*slot + between(random, 0, slot/2), Kind: kinds.deal()}
		f.Target = targets[f.Kind].deal()
		f.For, f.Latency = lasting(random, f.Kind)
		if f.Kind == Stop {
			f.For = min(f.For, max(shortestStop, to-f.At))
		}
		faults[i] = f
	}
	return faults
}

// A stopped process loses its place in its consumer group after 6 s, and its
// connections some time later: both sides of that are wanted.
const (
	shortestStop = 5 * time.Second
	longestStop  = 30 * time.Second
)

// lasting draws how long a fault lasts, and what it adds.
func lasting(random *rand.Rand, kind Kind) (d, latency time.Duration) {
	switch kind {
	case Stop:
		return between(random, shortestStop, longestStop), 0
	case Delay:
		return between(random, 4*time.Second, 10*time.Second), between(random, 50*time.Millisecond, 500*time.Millisecond)
	case Cut:
		return between(random, time.Second, 8*time.Second), 0
	case Scale:
		return between(random, 4*time.Second, 8*time.Second), 0
	case Roll:
		return 0, 0
	default:
		return between(random, 500*time.Millisecond, 4*time.Second), 0
	}
}

func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)+1))
}

// deck deals cards in random order.
type deck[T any] struct {
	random *rand.Rand
	cards  []T
	left   []T
}

func (d *deck[T]) deal() T {
	if len(d.left) == 0 {
		d.left = slices.Clone(d.cards)
		d.random.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
	}
	card := d.left[0]
	d.left = d.left[1:]
	return card
}
