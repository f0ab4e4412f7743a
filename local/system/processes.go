package system

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Names of processes: an app's own is its id, its sidecar's has the suffix.
const (
	// Broker is the embedded broker.
	Broker = "broker"
	// SidecarSuffix makes an app's name that of its sidecar.
	SidecarSuffix = "-sidecar"
)

// Processes are the names of the processes that Kill and Restart know.
func (s *System) Processes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.members))
}

// PID is the process id behind a name, 0 if there is none.
func (s *System) PID(name string) int {
	if m := s.member(name); m != nil {
		return m.current().PID
	}
	return 0
}

// Running says whether the process behind a name has not ended.
func (s *System) Running(name string) bool {
	m := s.member(name)
	if m == nil {
		return false
	}
	select {
	case <-m.current().Done():
		return false
	default:
		return true
	}
}

// Log is the file with a process's log.
func (s *System) Log(name string) string {
	if app, isSidecar := strings.CutSuffix(name, SidecarSuffix); isSidecar && slices.Contains(s.Apps(), app) {
		return s.cliLog(name)
	}
	return s.path("log", name+".log")
}

// cliLog is the log that the CLI itself keeps of a process; it chooses the
// name by the time of the start.
func (s *System) cliLog(name string) string {
	app, isSidecar := strings.CutSuffix(name, SidecarSuffix)
	kind := "app"
	if isSidecar {
		kind = "daprd"
	}
	files, _ := filepath.Glob(s.path("data", app, ".dapr", "logs", app+"_"+kind+"_*.log"))
	if len(files) == 0 {
		return ""
	}
	return slices.Max(files)
}

// Kill sends a signal to a process.
func (s *System) Kill(name string, signal syscall.Signal) error {
	m := s.member(name)
	if m == nil {
		return fmt.Errorf("kill %s: no such process", name)
	}
	return m.current().Signal(signal)
}

// Restart kills a process if it is still there, and starts it again as it was
// started before. Nothing waits until it is ready: see Ready.
func (s *System) Restart(name string) error {
	m := s.member(name)
	if m == nil {
		return fmt.Errorf("restart %s: no such process", name)
	}
	old := m.current()
	if err := old.Signal(syscall.SIGKILL); err == nil {
		<-old.Done()
	}
	_, err := s.replace(m, old)
	return err
}
