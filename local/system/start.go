package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"registration.example/local/broker"
	"registration.example/local/proc"
)

const (
	// pollInterval is how often the start looks whether something is there yet.
	pollInterval = 50 * time.Millisecond
	// brokerTimeout bounds reading the broker's files.
	brokerTimeout = time.Minute
)

func (s *System) startGuard(context.Context) (err error) {
	s.guard, err = proc.StartGuard(s.program(launcher), s.id)
	return err
}

// environ is for the CLI and the broker; all they start inherit it.
func (s *System) environ() []string {
	env := append(os.Environ(), proc.Mark(s.id))
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	return env
}

// getenv gives what a component file would take from the environment.
func (s *System) getenv(name string) string {
	if value, ok := s.env[name]; ok {
		return value
	}
	return os.Getenv(name)
}

func (s *System) startBroker(ctx context.Context) error {
	if !s.embedsBroker() {
		return nil
	}
	addr := BrokerAddr(s.o.PortBase)
	s.say("Starting the embedded broker at %s, files in %s.", addr, s.path("data", "broker"))
	p, err := proc.Start(proc.Spec{
		Argv: []string{s.program(launcher), Broker, "-addr", addr, "-advertise", s.o.BrokerProxy, "-data", s.path("data", "broker"), fmt.Sprintf("-fast=%t", s.fast())},
		Env:  s.environ(),
		Dir:  s.o.Folder,
		Log:  s.Log(Broker),
	})
	if err != nil {
		return err
	}
	s.add(Broker, p)
	if err := s.brokerListens(ctx, p, addr); err != nil {
		return fmt.Errorf("the embedded broker: %w", err)
	}
	return broker.EnsureTopics(ctx, s.kafka, s.topics())
}

func (s *System) brokerListens(ctx context.Context, p *proc.Process, addr string) error {
	return poll(ctx, brokerTimeout, func() error {
		select {
		case <-p.Done():
			return final{fmt.Errorf("it ended at its start%s", lastLines(s.Log(Broker)))}
		default:
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (s *System) startDapr(context.Context) (err error) {
	if err := s.file.Write(s.runFile()); err != nil {
		return err
	}
	s.say("Starting services and sidecars with dapr run -f %s.", s.runFile())
	s.cli, err = proc.Start(proc.Spec{
		Argv: []string{s.dapr.CLI, "run", "-f", s.runFile()},
		Env:  s.environ(),
		Dir:  s.o.Folder,
		Log:  s.Log("dapr"),
	})
	return err
}

// adopt takes over the processes that the CLI has started meanwhile.
func (s *System) adopt() {
	for _, pid := range proc.Marked(s.id) {
		argv, err := proc.Argv(pid)
		if err != nil {
			continue
		}
		name := s.nameOf(argv)
		if name == "" || s.member(name) != nil {
			continue
		}
		if p, err := proc.Adopt(pid, s.Log(name)); err == nil {
			s.add(name, p)
		}
	}
}

// nameOf finds a process's name by its arguments, "" if it is none of ours.
func (s *System) nameOf(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	for _, app := range s.Apps() {
		if argv[0] == s.program(app) {
			return app
		}
		i := slices.Index(argv, "--app-id")
		if filepath.Base(argv[0]) == "daprd" && i > 0 && i+1 < len(argv) && argv[i+1] == app {
			return app + SidecarSuffix
		}
	}
	return ""
}

// final is an error that waiting does not mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// poll calls f until it succeeds or fails for good.
func poll(ctx context.Context, timeout time.Duration, f func() error) error {
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := f()
		if err == nil || errors.As(err, new(final)) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("gave up after %s: %w", timeout, err)
		case <-tick.C:
		}
	}
}
