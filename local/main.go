// Command local runs the registration system on one machine: `make run` is its
// door.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"registration.example/local/broker"
	"registration.example/local/dapr"
	"registration.example/local/proc"
	"registration.example/local/system"
)

const usage = `usage: local COMMAND [ARGUMENTS]; each command explains itself with -h

  run     start the whole system, until Ctrl-C
  broker  the embedded broker alone
  dapr    find Dapr, or build it, and say how to call it
`

// command is a subcommand; its context ends when the user wants it to.
type command func(ctx context.Context, args []string, out io.Writer) error

var commands = map[string]command{
	"run":             run,
	"broker":          serveBroker,
	"dapr":            getDapr,
	proc.GuardCommand: guard,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		_, _ = fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := commands[os.Args[1]](ctx, os.Args[2:], os.Stdout)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errFlags):
		os.Exit(2)
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		_, _ = fmt.Fprintln(os.Stderr, "stopped")
	default:
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// errFlags says that the flags were wrong, which the flag package has printed.
var errFlags = errors.New("wrong flags")

func parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return fmt.Errorf("%w: %w", errFlags, err)
	}
	return err
}

// serveBroker is the embedded broker.
func serveBroker(ctx context.Context, args []string, _ io.Writer) error {
	flags := flag.NewFlagSet("broker", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:9092", "where it listens")
	advertise := flags.String("advertise", "", "what clients are told to connect to; default where it listens")
	fast := flags.Bool("fast", false, "for approvals that take no time: as few partitions for them as for the rest")
	data := flags.String("data", ".local/data/broker", "folder of its files")
	if err := parse(flags, args); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	topics := broker.Topics()
	if *fast {
		topics = broker.FastTopics()
	}
	b, err := broker.Start(ctx, broker.Options{Addr: *addr, Advertise: *advertise, Data: *data, Topics: topics, Log: log})
	if err != nil {
		return err
	}
	log.InfoContext(ctx, "broker listens", "addr", b.Addr(), "data", *data)
	<-ctx.Done()
	b.Close()
	return nil
}

// getDapr is for those who want to call `dapr run -f .` themselves.
func getDapr(ctx context.Context, _ []string, out io.Writer) error {
	root, err := system.FindRoot()
	if err != nil {
		return err
	}
	d, err := dapr.Get(ctx, dapr.Options{Root: root, Folder: system.DaprFolder(root), Out: out})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Dapr %s. To run the system with it:\n  DAPR_RUNTIME_PATH=%s %s run -f .\n", d.Version, d.RuntimePath, d.CLI)
	return err
}

// guard ends a system whose launcher has ended: see proc.StartGuard.
func guard(_ context.Context, args []string, _ io.Writer) error {
	if len(args) != 1 {
		return errors.New("guard is for the launcher's use")
	}
	proc.RunGuard(os.Stdin, args[0])
	return nil
}
