// Bench measures the system: how much it carries, how fast it answers, and what
// that costs. `make bench` is its door.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"registration.example/bench/result"
	"registration.example/local/system"
)

const usage = `Measures the system, on systems that it starts: nothing else should run on the machine meanwhile.
Results are kept in .local/bench, one file a run.

  bench                        all measurements, about %d minutes
  bench -name latency,kafka    some of them: %s
  bench -compare OLD.json NEW.json

`

// settings are the program's whole surface.
type settings struct {
	names    string
	compare  bool
	out      string
	root     string
	mongoDB  string
	profiles string
	duration time.Duration
	log      io.Writer
}

func main() {
	if os.Getenv("GOGC") == "" {
		// As the load generator does in a process of its own (load/main.go).
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// errUsage says that the program was called wrongly, which it has said.
var errUsage = errors.New("called wrongly")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s := settings{log: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.names, "name", "", "`measurements`, with commas; all if empty")
	flags.BoolVar(&s.compare, "compare", false, "compare two results instead")
	flags.StringVar(&s.out, "out", "", "`folder` of the results (default .local/bench)")
	flags.StringVar(&s.root, "root", "", "`folder` of the repository to measure (default: this one)")
	flags.StringVar(&s.mongoDB, "mongodb", os.Getenv("MONGODB_URI"), "`URI` of a MongoDB replica set for the measurement mongodb (MONGODB_URI)")
	flags.StringVar(&s.profiles, "profiles", "", "`folder` for CPU profiles of services and sidecars under load")
	flags.DurationVar(&s.duration, "duration", time.Minute, "`time` of the longest load; others are fractions of it")
	flags.Usage = func() {
		_, _ = fmt.Fprintf(stderr, usage, totalMinutes, strings.Join(names(), ", "))
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return errors.Join(errUsage, err)
	}
	if s.compare {
		return compare(stdout, flags.Args())
	}
	if flags.NArg() > 0 {
		flags.Usage()
		return errUsage
	}
	return s.measure(ctx, stdout)
}

func compare(stdout io.Writer, files []string) error {
	if len(files) != 2 {
		return errors.New("compare: want two files")
	}
	before, err := result.Read(files[0])
	if err != nil {
		return err
	}
	after, err := result.Read(files[1])
	if err != nil {
		return err
	}
	return result.Compare(stdout, before, after)
}

// measure runs the measurements and keeps what they gave, also when one fails.
func (s settings) measure(ctx context.Context, stdout io.Writer) error {
	if s.root == "" {
		root, err := system.FindRoot()
		if err != nil {
			return err
		}
		s.root = root
	}
	if s.out == "" {
		s.out = filepath.Join(s.root, ".local", "bench")
	}
	chosen, err := choose(s.names)
	if err != nil {
		return err
	}
	found := result.Result{Commit: commit(ctx, s.root), Time: time.Now(), Machine: thisMachine()}
	var failed error
	for _, m := range chosen {
		runs, err := m.run(ctx, s)
		for _, r := range runs {
			if err := r.Print(stdout); err != nil {
				return err
			}
		}
		found.Runs = append(found.Runs, runs...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed, s.keep(found, stdout))
}

// keep writes the result, and the chart if there is something to draw.
func (s settings) keep(found result.Result, stdout io.Writer) error {
	file, err := found.Write(s.out)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "\nkept in %s\n", file)
	for _, run := range found.Runs {
		if len(run.Points()) == 0 {
			continue
		}
		var chart bytes.Buffer
		if err := run.Chart(&chart, perReplica); err != nil {
			return err
		}
		name := strings.TrimSuffix(file, ".json") + ".svg"
		if err := os.WriteFile(name, chart.Bytes(), 0o644); err != nil {
			return fmt.Errorf("chart: %w", err)
		}
		_, _ = fmt.Fprintf(stdout, "chart in %s\n", name)
	}
	return nil
}
