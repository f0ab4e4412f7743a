// Load is the load generator: on a developer's machine, in the measurements,
// and as the image that puts load on a cluster.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"registration.example/load/generator"

	"golang.org/x/term"
)

// What the process ends with.
const (
	statusOK    = 0
	statusWrong = 1 // something was lost, doubled, unexpected or changed
	statusUsage = 2
)

func main() {
	if os.Getenv("GOGC") == "" {
		// The heap is small: collecting it at every doubling costs a tenth of
		// the generator's CPU, which the system under load wants.
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the sending, a second one the process.
	context.AfterFunc(ctx, stop)
	os.Exit(start(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr))
}

// start reads the settings, runs the load and says with which status to end.
func start(ctx context.Context, args []string, lookup func(string) (string, bool), stdout, stderr io.Writer) int {
	s, err := readSettings(args, lookup, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return statusOK
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return statusUsage
	}
	if s.Seed == 0 {
		s.Seed = rand.Uint64() >> 32
	}
	s.Log = slog.New(slog.NewJSONHandler(stderr, nil))
	s.Progress, s.Terminal = stderr, isTerminal(stderr)
	report, err := run(ctx, s, stdout)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "load:", err)
		return statusUsage
	case !report.OK():
		return statusWrong
	default:
		return statusOK
	}
}

// run runs the load with its files open, and puts the report where it belongs.
func run(ctx context.Context, s settings, stdout io.Writer) (report generator.Report, err error) {
	if s.ledger != "" {
		file, createErr := os.Create(s.ledger)
		if createErr != nil {
			return report, createErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		s.Journal = file
	}
	if report, err = generator.Run(ctx, s.Options); err != nil {
		return report, err
	}
	if err := report.Print(stdout); err != nil {
		return report, err
	}
	return report, write(s.out, report)
}

// write puts the report into a file, if one is wanted.
func write(name string, report generator.Report) error {
	if name == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
