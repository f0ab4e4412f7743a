// Chaos proves that nothing is lost: it starts a system of its own, puts load
// on it, kills, halts, delays, cuts and scales by seed, and judges by what
// stands in databases and on topics. `make chaos` and `make soak` are its doors.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"registration.example/chaos/experiment"
)

// What the process ends with.
const (
	statusOK    = 0
	statusWrong = 1 // something was lost, doubled or changed, or nothing was proved
	statusUsage = 2 // there was no verdict
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// The first signal ends the experiment, a second one the process.
	context.AfterFunc(ctx, stop)
	os.Exit(start(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// start reads the settings, and runs one experiment or many.
func start(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := readSettings(args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "chaos:", err)
		return statusUsage
	}
	s.Out = stdout
	var ok bool
	if s.soak > 0 {
		ok, err = soak(ctx, s, trial)
	} else {
		ok, err = trial(ctx, s)
	}
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "chaos:", err)
		return statusUsage
	case !ok:
		return statusWrong
	default:
		return statusOK
	}
}

// trial runs one experiment. Its folder is kept if it found something.
func trial(ctx context.Context, s settings) (ok bool, err error) {
	s.Folder = filepath.Join(s.folder, s.name())
	if err := os.RemoveAll(s.Folder); err != nil {
		return false, err
	}
	_, _ = fmt.Fprintf(s.Out, "This is %s\n", s.again())
	result, err := experiment.Run(ctx, s.Options)
	if err != nil {
		return false, fmt.Errorf("%s: %w (logs are in %s)", s.again(), err, s.Folder)
	}
	if result.OK() && !s.keep {
		err = os.RemoveAll(s.Folder)
	} else {
		_, _ = fmt.Fprintf(s.Out, "Logs, databases and ledgers are in %s\nAgain: %s\n", s.Folder, s.again())
	}
	_, _ = io.WriteString(s.Out, result.Text())
	return result.OK(), errors.Join(err, write(s.out, result))
}

// write puts the result into a file.
func write(name string, result experiment.Result) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// soak runs experiments with new seeds until its time is over, and keeps every
// verdict. A bad one does not end it: the next may say more.
func soak(ctx context.Context, s settings, trial func(context.Context, settings) (bool, error)) (ok bool, err error) {
	ok = true
	folder, end := s.out, time.Now().Add(s.soak)
	for round := 1; time.Now().Before(end) && ctx.Err() == nil; round++ {
		s.out = filepath.Join(folder, fmt.Sprintf("%s-%s-%d.json", time.Now().UTC().Format("20060102T150405"), s.Profile, s.Seed))
		_, _ = fmt.Fprintf(s.Out, "\nround %d, seed %d, until %s\n", round, s.Seed, end.Format(time.TimeOnly))
		fine, trialErr := trial(ctx, s)
		if ctx.Err() != nil {
			break // asked to end: the rounds so far count
		}
		ok, err = ok && fine, errors.Join(err, trialErr)
		s.Seed++
	}
	return ok, err
}
