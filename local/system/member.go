package system

import (
	"fmt"
	"sync"
	"time"

	"registration.example/local/proc"
)

const (
	// settled is how long a process runs that started well.
	settled = 2 * time.Second
	// pause is kept before the next start of one that did not.
	pause = 500 * time.Millisecond
)

// member is a named process of the system, or rather the latest of them.
type member struct {
	name string

	mu      sync.Mutex
	process *proc.Process
	started time.Time
}

func newMember(name string, p *proc.Process) *member {
	return &member{name: name, process: p, started: time.Now()}
}

func (m *member) current() *proc.Process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.process
}

func (s *System) member(name string) *member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members[name]
}

func (s *System) add(name string, p *proc.Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[name] = newMember(name, p)
}

// replace starts a member again in place of old; if somebody else did so
// already, it changes nothing.
func (s *System) replace(m *member, old *proc.Process) (*proc.Process, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != old {
		return m.process, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errStopped
	}
	p, err := proc.Start(old.Spec)
	if err != nil {
		return nil, fmt.Errorf("start %s again: %w", m.name, err)
	}
	m.process, m.started = p, time.Now()
	return p, nil
}

// supervise watches every member. `dapr run -f` itself does not: the end of a
// service or a sidecar is a line in a log file there.
func (s *System) supervise() {
	for _, name := range s.Processes() {
		s.watches.Go(func() { s.watch(s.member(name)) })
	}
}

// watch starts a member again whenever it ends, until the system stops.
func (s *System) watch(m *member) {
	p := m.current()
	for {
		<-p.Done()
		if m.livedFor() < settled && !s.wait(pause) {
			return
		}
		next, err := s.replace(m, p)
		if err != nil {
			if s.isStopped() {
				return
			}
			s.say("%s (process %d) ended: %v", m.name, p.PID, err)
			if !s.wait(pause) {
				return
			}
			continue
		}
		s.say("%s (process %d) ended; it runs again as process %d", m.name, p.PID, next.PID)
		p = next
	}
}

func (m *member) livedFor() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.started)
}

func (s *System) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// wait waits, and says whether the system still runs.
func (s *System) wait(d time.Duration) bool {
	<-time.After(d)
	return !s.isStopped()
}

// say tells a line to whoever listens; watches do so at the same time.
func (s *System) say(format string, args ...any) {
	s.telling.Lock()
	defer s.telling.Unlock()
	_, _ = fmt.Fprintf(s.o.Out, format+"\n", args...)
}
