package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"registration.example/load/generator"
)

// settings are the program's whole surface: what a run is told, and where its
// result goes.
type settings struct {
	generator.Options
	out    string
	ledger string
}

// none turns a setting off that has a default: an empty variable is taken for
// one that is not set.
const none = "none"

const usage = `Puts a load of user registrations on the system and follows every accepted one to its end.
The status is not 0 unless everything accepted has ended, once, as its name demands.
Every setting is a flag and an environment variable; the flag wins.

`

// readSettings reads the environment, then args over it. Usage and errors go
// to stderr.
func readSettings(args []string, lookup func(string) (string, bool), stderr io.Writer) (settings, error) {
	var s settings
	flags := s.flags()
	flags.SetOutput(stderr)
	flags.Usage = func() { printUsage(flags) }
	var wrong []error
	flags.VisitAll(func(f *flag.Flag) {
		if value, ok := lookup(environmentName(f)); ok && value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				wrong = append(wrong, fmt.Errorf("%s=%q: %w", environmentName(f), value, err))
			}
		}
	})
	if err := errors.Join(wrong...); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return s, err
	}
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if s.UsersTarget == none {
		s.UsersTarget = ""
	}
	if s.Count > 0 && !given(flags, "duration") {
		// A number asked for is the end, not half a minute.
		s.Duration = 0
	}
	return s, nil
}

// flags declares every setting with its default.
func (s *settings) flags() *flag.FlagSet {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.StringVar(&s.Target, "target", "http://127.0.0.1:8080", "`URL` of the operation-service")
	f.StringVar(&s.UsersTarget, "users-target", "http://127.0.0.1:8081", "`URL` of the user-service, for the check of users; none: no check")
	f.Float64Var(&s.Rate, "rate", 50, "`number` of operations a second; 0: as fast as the clients get answers")
	s.Duration = 30 * time.Second
	f.Var((*seconds)(&s.Duration), "duration", "`time` for which operations are sent; 0: until count, else for ever")
	f.Int64Var(&s.Count, "count", 0, "`number` of operations; 0: until duration is over")
	f.IntVar(&s.Clients, "clients", 128, "`number` of requests that create operations in flight at once")
	s.Timeout = 10 * time.Second
	f.Var((*seconds)(&s.Timeout), "timeout", "`time` that a request may take")
	s.Drain = time.Minute
	f.Var((*seconds)(&s.Drain), "drain", "`time` for which the last operation is waited for")
	f.BoolVar(&s.Wait, "wait", false, "have requests wait for the end of their operation (Prefer: wait), so that no other asks for it; clients then bound the operations in flight")
	f.BoolVar(&s.Keys, "keys", false, "send an Idempotency-Key, and repeat with it what was not answered or answered 503 (a key costs the system a conditional write)")
	f.Float64Var(&s.Deny, "deny", 0.1, "`share` of names that start with deny, so that the user is not approved")
	f.Uint64Var(&s.Seed, "seed", 0, "`number` that the names follow from; 0: draw one")
	f.IntVar(&s.Check, "check", 1000, "`number` of ended operations that are asked for again at the end, with their users")
	f.StringVar(&s.MetricsAddr, "metrics-addr", "", "`address` that serves /metrics and /healthz, such as :9090; empty: nowhere")
	f.StringVar(&s.out, "out", "", "`file` for the result as JSON")
	f.StringVar(&s.ledger, "ledger", "", "`file` for one JSON line per operation")
	return f
}

// environmentName is the variable that stands for a flag.
func environmentName(f *flag.Flag) string {
	return strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func printUsage(flags *flag.FlagSet) {
	w := flags.Output()
	_, _ = fmt.Fprint(w, usage)
	flags.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		_, _ = fmt.Fprintf(w, "  %-14s -%-22s %s (default %q)\n", environmentName(f), f.Name+" "+kind, text, f.DefValue)
	})
}

// seconds is a duration that may be written without a unit.
type seconds time.Duration

// String implements flag.Value.
func (s *seconds) String() string { return time.Duration(*s).String() }

// Set implements flag.Value.
func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		*s = seconds(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(text)
	*s = seconds(d)
	return err
}
