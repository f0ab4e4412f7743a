package experiment

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"registration.example/e2e/kafka"
	"registration.example/local/proc"
)

// server is a process that the system needs and does not start: what stands
// behind a link.
type server interface {
	Running() bool
	Kill(signal syscall.Signal) error
	// Restart ends the server if it runs, and starts it on the same data.
	Restart(ctx context.Context) error
	Stop()
}

// apache is Apache Kafka.
type apache struct{ broker *kafka.Broker }

func (a apache) Running() bool {
	select {
	case <-a.broker.Done():
		return false
	default:
		return true
	}
}

func (a apache) Kill(signal syscall.Signal) error  { return a.broker.Kill(signal) }
func (a apache) Restart(ctx context.Context) error { return a.broker.Restart(ctx) }
func (a apache) Stop()                             { _ = a.broker.Stop() }

const (
	// servesWithin is how long a command may take until it serves.
	servesWithin = time.Minute
	serverGrace  = 20 * time.Second
)

// command is a server that a command line runs in its foreground.
type command struct {
	spec proc.Spec
	addr string

	mu      sync.Mutex
	process *proc.Process
}

// startCommand returns when the server answers at its address.
func startCommand(ctx context.Context, line, addr, folder, log string) (*command, error) {
	c := &command{addr: addr, spec: proc.Spec{
		// What the shell starts takes its place: signals are for the server.
		Argv: []string{"/bin/sh", "-c", "exec " + line}, Env: os.Environ(), Dir: folder, Log: log,
	}}
	if err := c.start(ctx); err != nil {
		if c.process != nil {
			c.Stop()
		}
		return nil, err
	}
	return c, nil
}

func (c *command) start(ctx context.Context) error {
	p, err := proc.Start(c.spec)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.process = p
	c.mu.Unlock()
	serves := false
	if err := until(ctx, servesWithin, func() bool { serves = c.serves(ctx); return serves || !c.Running() }); err != nil {
		return err
	}
	if !serves {
		return fmt.Errorf("%s does not serve at %s; its log is %s", c.spec.Argv[2], c.addr, c.spec.Log)
	}
	return nil
}

func (c *command) serves(ctx context.Context) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func (c *command) current() *proc.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process
}

func (c *command) Running() bool {
	select {
	case <-c.current().Done():
		return false
	default:
		return true
	}
}

func (c *command) Kill(signal syscall.Signal) error { return c.current().Signal(signal) }

func (c *command) Restart(ctx context.Context) error {
	if err := c.Kill(syscall.SIGKILL); err == nil {
		<-c.current().Done()
	}
	return c.start(ctx)
}

func (c *command) Stop() { c.current().Stop(serverGrace) }
