package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"registration.example/local/console"
	"registration.example/local/system"
	"registration.example/messages"
)

const (
	operationService = "operation-service"
	userService      = "user-service"
	// parentInterval is how soon the end of make is seen.
	parentInterval = 200 * time.Millisecond
)

// errParentEnded says why the system stops.
var errParentEnded = errors.New("the program that started this one has ended")

// run is `make run`.
func run(ctx context.Context, args []string, out io.Writer) error {
	o := system.Options{Out: out, Supervise: true}
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.IntVar(&o.PortBase, "port-base", 0, "move all ports to here and above; 0: those of dapr.yaml")
	flags.StringVar(&o.Folder, "folder", "", "folder of data and logs (default .local)")
	flags.StringVar((*string)(&o.Profile), "profile", string(system.Embedded), "component folder: embedded or kafka-mongodb")
	flags.StringVar(&o.Kafka, "kafka", "", "host:port of a Kafka to use instead of the profile's")
	flags.StringVar(&o.MongoDB, "mongodb", "", "mongodb:// connection string to use instead of the profile's")
	withParent := flags.Bool("exit-with-parent", false, "stop when the program that started this one has ended")
	if err := parse(flags, args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if *withParent {
		go watchParent(ctx, cancel)
	}
	s, err := system.Start(ctx, o)
	if err != nil {
		return err
	}
	defer stop(s, out)
	greet(out, s)
	files := make(map[string]string)
	for _, name := range s.Processes() {
		files[name] = s.Log(name)
	}
	if err := console.Follow(ctx, out, files); err != nil {
		return err
	}
	if cause := context.Cause(ctx); errors.Is(cause, errParentEnded) {
		return cause
	}
	return nil
}

// watchParent ends the context when this process becomes somebody else's child.
func watchParent(ctx context.Context, cancel context.CancelCauseFunc) {
	parent := os.Getppid()
	tick := time.NewTicker(parentInterval)
	defer tick.Stop()
	for os.Getppid() == parent {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	cancel(errParentEnded)
}

func stop(s *system.System, out io.Writer) {
	_, _ = fmt.Fprintln(out, "\nStopping: services, sidecars, broker.")
	s.Stop()
	_, _ = fmt.Fprintln(out, "Stopped. The data is kept: `make run` goes on with it.")
}

// greet says where the system is and how to use it. The key makes the ids of
// operation and user known beforehand, so that all three lines can be copied.
func greet(out io.Writer, s *system.System) {
	key := rand.Text()[:8]
	operation := messages.OperationID(key)
	_, _ = fmt.Fprintf(out, `
Ready: %[1]s

  curl -s -H 'Content-Type: application/json' -H 'Idempotency-Key: %[3]s' -d '{"name":"hans"}' %[1]s/operations/user-create
  curl -s -H 'Prefer: wait=10' %[1]s/operations/%[4]s
  curl -s %[2]s/users/%[5]s

A name that starts with "deny" is denied. Ctrl-C stops everything. Logs: %[6]s

`, s.URL(operationService), s.URL(userService), key, operation, messages.UserID(operation), s.Folder())
}
