package system

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"registration.example/local/broker"
	"registration.example/local/components"
	"registration.example/local/runfile"
)

// checkTools names a missing program before anything is started.
func (s *System) checkTools(context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("the program go is missing: install Go from https://go.dev/dl/ and put it on the PATH: %w", err)
	}
	return nil
}

// lockFolder keeps a second system away from the data. The kernel lets go of
// the lock when this process ends, however it ends.
func (s *System) lockFolder(context.Context) error {
	if err := os.MkdirAll(s.o.Folder, 0o755); err != nil {
		return fmt.Errorf("make the folder of the system: %w", err)
	}
	f, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("lock the folder of the system: %w", err)
	}
	// Unlocked, not just closed: a process being forked just now has it open too.
	s.unlock = func() { _ = errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) }
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("another system runs on the data in %s: stop it first", s.o.Folder)
	}
	return nil
}

// checkPorts names every port that is taken.
func (s *System) checkPorts(context.Context) error {
	var taken []error
	for _, p := range s.ports() {
		if !free(p.Number) {
			taken = append(taken, fmt.Errorf("port %d, which %s needs (%s), is taken%s",
				p.Number, p.For, p.Setting, owner(p.Number)))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return errors.Join(append(taken, errors.New("stop what has it, or take other ports: make run PORT_BASE=20000"))...)
}

func (s *System) ports() []runfile.Port {
	ports := s.file.Ports()
	if s.embedsBroker() {
		ports = append(ports, runfile.Port{Number: runfile.BrokerPort(s.o.PortBase), For: "the embedded broker", Setting: "Kafka's port"})
	}
	return ports
}

// free tries the port on the loopback interface and on all: some systems let
// one listen beside the other.
func free(port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// owner says who has a port, "" if this user may not know.
func owner(port int) string {
	connections, err := gopsnet.Connections("tcp")
	if err != nil {
		return ""
	}
	for _, c := range connections {
		if int(c.Laddr.Port) != port || c.Pid == 0 {
			continue
		}
		name, err := (&process.Process{Pid: c.Pid}).Name()
		if err != nil {
			name = "a process"
		}
		return fmt.Sprintf(" by %s (process %d)", name, c.Pid)
	}
	return ""
}

// checkServers wants the servers that are not started here to answer, and
// their topics to exist.
func (s *System) checkServers(ctx context.Context) error {
	if s.embedsBroker() {
		return nil
	}
	servers, err := components.Servers(s.getenv, s.file.Common.Resources...)
	if err != nil {
		return err
	}
	if away := components.Away(ctx, servers); len(away) > 0 {
		return errors.New(components.Missing(away))
	}
	for _, server := range servers {
		if server.Name == "Kafka" {
			s.kafka = strings.Join(server.Addresses, ",")
			return broker.EnsureTopics(ctx, server.Addresses[0], s.topics())
		}
	}
	return nil
}
