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
	// watchedRate is the highest rate of one group of clients. A group waits for
	// the ends of at most 1,000 operations at a time; at this rate all are waited
	// for when nothing ends for 100 s.
	watchedRate = 10
	lookedAt    = 200 // ended operations that are asked for again, by each group
)

const (
	// warm is the p99 of a saga in a system whose consumers have all begun.
	warm        = time.Second
	warmUpCount = 100
	warmUps     = 20
)

// load is several groups of clients at once. Most clients send a key and repeat
// with it, some do neither.
type load struct {
	options Options
	all     generator.Options
	groups  []*clients
}

// clients are one group with its ledger.
type clients struct {
	options generator.Options
	ledger  string // file
	done    chan error
	report  generator.Report
}

func newLoad(f *fleet, o Options) *load {
	return &load{options: o, all: generator.Options{
		Target: f.URL("operation-service"), UsersTarget: f.URL("user-service"),
		Timeout: impatience, Drain: drain, Deny: denied, Check: lookedAt,
	}}
}

// warmUp sends some operations, again and again, until they end soon: the first
// ones after a start wait for the consumers.
func (l *load) warmUp(ctx context.Context) error {
	for range warmUps {
		c := l.add(l.options.Rate, warmUpCount, true)
		c.run(ctx)
		if p99 := c.report.Saga.P99; p99 > 0 && p99 < float64(warm.Milliseconds()) {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("sagas take longer than %s before any fault: this machine is too slow for %g a second", warm, l.options.Rate)
}

// start puts the load on the system until ctx ends.
func (l *load) start(ctx context.Context) {
	keyed := l.options.Rate * (1 - careless)
	groups := int(math.Ceil(keyed / watchedRate))
	for range groups {
		go l.add(keyed/float64(groups), 0, true).run(ctx)
	}
	go l.add(l.options.Rate*careless, 0, false).run(ctx)
}

// add makes a group with names of its own.
func (l *load) add(rate float64, count int64, keys bool) *clients {
	number := len(l.groups)
	g := l.all
	g.Rate, g.Count, g.Keys = rate, count, keys
	g.Seed = l.options.Seed<<8 + uint64(number)
	// Enough for a broker that is away: their number is no limit.
	g.Clients = max(32, int(rate*2*impatience.Seconds()))
	c := &clients{
		options: g, done: make(chan error, 1),
		ledger: filepath.Join(l.options.Folder, fmt.Sprintf("ledger-%d.jsonl", number)),
	}
	l.groups = append(l.groups, c)
	return c
}

func (c *clients) run(ctx context.Context) { c.done <- c.send(ctx) }

func (c *clients) send(ctx context.Context) (err error) {
	journal, err := os.Create(c.ledger)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	c.options.Journal = journal
	c.report, err = generator.Run(ctx, c.options)
	return err
}

// account is what the clients know when all is over.
type account struct {
	keyed, all []ledger.Line
	found      []ledger.Finding
	counts     []ledger.Counts
}

// wait waits for the end of all groups and reads their ledgers.
func (l *load) wait() (account, error) {
	var a account
	for _, c := range l.groups {
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
		if c.options.Keys {
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
