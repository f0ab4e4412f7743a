// Dead-letters lists, shows and replays what the services could not process:
// `make dead-letters` is its door on one machine, k8s/options/dead-letters in a
// cluster.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// What the process ends with.
const (
	statusOK    = 0
	statusWrong = 1 // it was not done, or not all of it
	statusUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(start(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// start reads the settings, does what it is told and says with which status to
// end.
func start(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := readSettings(args, getenv, stderr)
	if err == nil {
		err = run(ctx, s, stdout)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return statusOK
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(stderr, err)
		return statusUsage
	default:
		_, _ = fmt.Fprintln(stderr, "dead-letters:", err)
		return statusWrong
	}
}
