package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"registration.example/chaos/experiment"
	"registration.example/local/system"
)

// settings are the program's whole surface.
type settings struct {
	experiment.Options
	// soak is how long rounds go on; 0: one experiment.
	soak time.Duration
	// out is the file of the verdict, or the folder of soak's.
	out string
	// folder holds the folders of experiments.
	folder string
	// keep keeps the folder of an experiment that found nothing, too.
	keep bool
}

const usage = `Starts a system of its own, puts load on it, does faults to it by seed, and judges by what stands in
databases and on topics. The status is 0 only if nothing was lost, doubled or changed, although everything was done
to bring that about. Every setting is a flag and an environment variable; the flag wins.

`

// Defaults that depend on other settings.
const (
	oneDuration   = 3 * time.Minute
	roundDuration = 10 * time.Minute
)

// readSettings reads the environment, then args over it.
func readSettings(args []string, getenv func(string) string, stderr io.Writer) (settings, error) {
	var s settings
	flags := s.flags()
	flags.SetOutput(stderr)
	flags.Usage = func() { printUsage(flags) }
	var wrong []error
	flags.VisitAll(func(f *flag.Flag) {
		if value := getenv(environmentName(f)); value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				wrong = append(wrong, fmt.Errorf("%s=%q: %w", environmentName(f), value, err))
			}
		}
	})
	if err := errors.Join(wrong...); err != nil {
		return s, err
	}
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return s, s.complete()
}

// complete fills in what depends on other settings.
func (s *settings) complete() error {
	root, err := system.FindRoot()
	if err != nil {
		return err
	}
	s.folder = filepath.Join(root, ".local", "chaos")
	if s.Seed == 0 {
		s.Seed = rand.Uint64()>>32 + 1
	}
	if s.Duration == 0 {
		s.Duration = oneDuration
		if s.soak > 0 {
			s.Duration = roundDuration
		}
	}
	if s.out == "" && s.soak > 0 {
		s.out = filepath.Join(root, ".local", "soak")
	}
	if s.out == "" {
		s.out = filepath.Join(s.folder, s.name()+".json")
	}
	return nil
}

// name is that of an experiment among those of its folder.
func (s *settings) name() string { return fmt.Sprintf("%s-%d", s.Profile, s.Seed) }

// again is the command that does the same once more. The faults and when they
// come are the same; what they meet then is not.
func (s *settings) again() string {
	return fmt.Sprintf("make chaos PROFILE=%s SEED=%d DURATION=%s RATE=%g", s.Profile, s.Seed, s.Duration, s.Rate)
}

// flags declares every setting with its default.
func (s *settings) flags() *flag.FlagSet {
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	f.Uint64Var(&s.Seed, "seed", 0, "`number` that the faults follow from; 0: draw one")
	f.DurationVar(&s.Duration, "duration", 0, "`time` of the load (3m, or 10m for a round of a soak)")
	f.Float64Var(&s.Rate, "rate", 20, "`number` of operations a second")
	f.StringVar(&s.Profile, "profile", experiment.Embedded, "what the system runs on: embedded, kafka or kafka-mongodb")
	f.StringVar(&s.MongoDB, "mongodb-uri", "mongodb://localhost:27017/?replicaSet=rs0&maxPoolSize=256", "`URI` of the database of kafka-mongodb")
	f.StringVar(&s.MongoDBCommand, "mongodb-command", "", "shell `command` that serves that database; without one it has to run already, and is not killed or halted")
	f.DurationVar(&s.ApprovalDelay, "approval-delay", 5*time.Millisecond, "`time` that the approval of a user takes")
	f.DurationVar(&s.soak, "soak", 0, "`time` for which rounds go on, each with a new seed; 0: one experiment")
	f.StringVar(&s.out, "out", "", "`file` for the verdict as JSON (.local/chaos/PROFILE-SEED.json); for a soak the folder of all verdicts (.local/soak)")
	f.BoolVar(&s.keep, "keep", false, "keep logs, databases and ledgers of a run that is fine, too")
	return f
}

// environmentName is the variable that stands for a flag.
func environmentName(f *flag.Flag) string {
	return strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

func printUsage(flags *flag.FlagSet) {
	w := flags.Output()
	_, _ = fmt.Fprint(w, usage)
	flags.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		_, _ = fmt.Fprintf(w, "  %-15s -%-23s %s (default %q)\n", environmentName(f), f.Name+" "+kind, text, f.DefValue)
	})
}
