// Package kafka starts a real Apache Kafka on this machine, without Docker, for
// tests and trials that need the genuine article: one process in KRaft mode,
// from the artifacts that Apache publishes on Maven Central.
//
// It wants Java 17 or newer, and Maven once, to fetch 54 MB of jars. It is no
// way to run Kafka in earnest: one node, no replication, no access control,
// loopback only.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Version is the release of Apache Kafka that runs; pom.xml says the same.
const Version = "4.1.1"

const (
	startLimit = 3 * time.Minute  // a start takes about 5 s; a starved machine takes longer
	stopLimit  = 20 * time.Second // then it is killed
)

// Options say where a broker listens and what it keeps.
type Options struct {
	// Dir holds the broker's data, settings and log (kafka.log). It is made
	// when absent; a broker started on the same folder again has its records
	// still.
	Dir string
	// Port is where clients connect, on 127.0.0.1. With 0 a free one is chosen,
	// and kept over restarts.
	Port int
	// Advertise is host:port of what clients are told to connect to, such as a
	// proxy before the broker; 127.0.0.1 and Port when empty.
	Advertise string
	// Topics are made, with that many partitions, unless they are there.
	Topics map[string]int32
	// Jars is the folder of Kafka's jars, filled by Maven when it lacks them;
	// .local/kafka/jars of the repository when empty.
	Jars string
}

// Broker is one Apache Kafka. Its methods are not for use from several
// goroutines at a time.
type Broker struct {
	options Options
	java    javaRuntime
	process *process
}

// Start runs a broker and returns once it serves every topic. The context
// bounds the start alone; the broker runs until Stop, or until this process
// ends, in whatever way.
func Start(ctx context.Context, options Options) (*Broker, error) {
	java, err := findRuntime(ctx, options.Jars)
	if err != nil {
		return nil, err
	}
	if options.Dir, err = filepath.Abs(options.Dir); err != nil {
		return nil, fmt.Errorf("folder of the broker: %w", err)
	}
	if options.Port == 0 {
		if options.Port, err = freePort(); err != nil {
			return nil, err
		}
	}
	b := &Broker{options: options, java: java}
	if err := b.launch(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Addr is the broker's address, host:port.
func (b *Broker) Addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.options.Port))
}

// Done is closed when the present process of the broker has ended, asked to or
// not.
func (b *Broker) Done() <-chan struct{} { return b.process.done }

// PID is the number of the broker's present process.
func (b *Broker) PID() int { return b.process.cmd.Process.Pid }

// Kill sends the broker a signal, and waits for its end if the signal is one
// that ends it.
func (b *Broker) Kill(signal syscall.Signal) error {
	if err := b.process.signal(signal); err != nil {
		return err
	}
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT:
		return b.process.wait(stopLimit)
	default:
		return nil
	}
}

// Restart stops the broker, if it runs still, and starts it again on the same
// port and the same data.
func (b *Broker) Restart(ctx context.Context) error {
	if err := b.Stop(); err != nil {
		return err
	}
	return b.launch(ctx)
}

// Stop ends the broker: in order, or after 20 s by force. Stopping a broker
// that does not run is no error.
func (b *Broker) Stop() error {
	err := b.Kill(syscall.SIGTERM)
	if errors.Is(err, errStillRunning) {
		err = b.Kill(syscall.SIGKILL)
	}
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// launch starts the process and waits until it serves.
func (b *Broker) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not serving after %s", startLimit))
	defer cancel()
	if err := checkFree(b.Addr()); err != nil {
		return err
	}
	if err := prepare(ctx, b.java, b.options); err != nil {
		return err
	}
	server := b.java.command(context.WithoutCancel(ctx), b.options, "kafka.Kafka", settingsFile)
	process, err := startProcess(server, b.log())
	if err != nil {
		return err
	}
	b.process = process
	if err := b.awaitReady(ctx); err != nil {
		return errors.Join(err, b.Stop())
	}
	return nil
}

// log is the file that the broker writes its log to.
func (b *Broker) log() string { return filepath.Join(b.options.Dir, "kafka.log") }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return strconv.Atoi(port)
}

// checkFree says who is in the way before Java does, in a stack trace.
func checkFree(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("port %s is taken; stop what listens there, or choose another: %w", addr, err)
	}
	return l.Close()
}
