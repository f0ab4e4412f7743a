package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"registration.example/load/generator"
	"registration.example/load/ledger"
)

const (
	// impatience is how long clients wait for an answer: less than the services
	// take to say that the broker is away, so that many outcomes are unknown.
	impatience = 3 * time.Second
	drain      = 3 * time.Minute
	denied     = 0.1
	// careless is the share of clients that send no key, and give up when they
	// get no answer: nobody tells them what came of it.
	careless = 0.1
	lookedAt = 200 // ended operations that are asked for again
)

// load is several loads at once: those of clients that send a key and repeat
// with it, and one of clients that do neither.
type load struct {
	keyed    []*client
	careless *client
}

// watchedRate is the highest rate of one load. A load waits for the ends of at
// most 1,000 operations at a time; at this rate all are waited for when nothing
// ends for 100 s.
const watchedRate = 10

// client is one load with its ledger.
type client struct {
	ledger string // file
	done   chan error
	report generator.Report
}

// startLoad puts a load on the system until ctx ends.
func startLoad(ctx context.Context, f *fleet, o Options) *load {
	l := &load{careless: &client{}}
	all := generator.Options{
		Target: f.URL("operation-service"), UsersTarget: f.URL("user-service"),
		Timeout: impatience, Drain: drain, Deny: denied, Check: lookedAt,
	}
	start := func(c *client, rate float64, keys bool, number int) {
		g := all
		g.Rate, g.Keys = rate, keys
		g.Seed = o.Seed<<8 + uint64(number) // names of their own
		// Enough for a broker that is away: the clients' number is no limit.
		g.Clients = max(32, int(rate*2*impatience.Seconds()))
		c.start(ctx, g, filepath.Join(o.Folder, fmt.Sprintf("ledger-%d.jsonl", number)))
	}
	start(l.careless, o.Rate*careless, false, 0)
	loads := int(math.Ceil(o.Rate * (1 - careless) / watchedRate))
	for i := range loads {
		c := &client{}
		l.keyed = append(l.keyed, c)
		start(c, o.Rate*(1-careless)/float64(loads), true, i+1)
	}
	return l
}

func (c *client) start(ctx context.Context, o generator.Options, file string) {
	c.ledger, c.done = file, make(chan error, 1)
	go func() { c.done <- c.run(ctx, o) }()
}

func (c *client) run(ctx context.Context, o generator.Options) (err error) {
	journal, err := os.Create(c.ledger)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	o.Journal = journal
	c.report, err = generator.Run(ctx, o)
	return err
}

// account is what the clients know when all is over.
type account struct {
	keyed, all []ledger.Line
	found      []ledger.Finding
	counts     []ledger.Counts // of the careless first
}

// wait waits for the end of all loads and reads their ledgers.
func (l *load) wait() (account, error) {
	var a account
	for _, c := range append([]*client{l.careless}, l.keyed...) {
		if err := <-c.done; err != nil {
			return a, fmt.Errorf("load: %w", err)
		}
		lines, err := readLedger(c.ledger)
		if err != nil {
			return a, err
		}
		a.all = append(a.all, lines...)
		a.found = append(a.found, c.report.Findings...)
		a.counts = append(a.counts, c.report.Counts)
		if c != l.careless {
			a.keyed = append(a.keyed, lines...)
		}
	}
	return a, nil
}

func readLedger(name string) ([]ledger.Line, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer func() { _ = file.Close() }()
	var lines []ledger.Line
	for decoder := json.NewDecoder(file); ; {
		var line ledger.Line
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return nil, fmt.Errorf("ledger %s: %w", name, err)
		}
		lines = append(lines, line)
	}
}
