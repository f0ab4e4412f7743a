package system

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"registration.example/local/dapr"
	"registration.example/local/proc"
	"registration.example/local/runfile"
)

// System is a system that was started.
type System struct {
	o     Options
	id    string
	file  runfile.File
	dapr  dapr.Dapr
	kafka string
	// env is what the CLI and the sidecars see beside this process's environment.
	env map[string]string

	unlock func()
	guard  *proc.Guard
	cli    *proc.Process

	mu       sync.Mutex
	members  map[string]*member
	replicas map[string]runfile.App
	stopped  bool
	once     sync.Once
	telling  sync.Mutex
	watches  sync.WaitGroup
}

// Start starts a system and returns when all services are ready. When it fails
// it leaves nothing running, and the error says what a person can do.
func Start(ctx context.Context, o Options) (*System, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		s.checkTools, s.lockFolder, s.checkPorts, s.writeFiles, s.checkServers, s.getDapr,
		s.buildPrograms, s.startGuard, s.startBroker, s.startDapr, s.becomeReady,
	} {
		if err := step(ctx); err != nil {
			s.Stop()
			return nil, err
		}
	}
	if s.o.Supervise {
		s.supervise()
	}
	return s, nil
}

// prepare plans a system; nothing is written or started yet.
func prepare(o Options) (*System, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	file, err := runfile.Read(filepath.Join(o.Root, runfile.Name))
	if err != nil {
		return nil, err
	}
	s := &System{o: o, id: rand.Text(), members: make(map[string]*member), replicas: make(map[string]runfile.App)}
	if s.kafka = o.Kafka; s.embedsBroker() {
		s.kafka = cmp.Or(o.BrokerProxy, BrokerAddr(o.PortBase))
	}
	s.env = map[string]string{
		"APP_API_TOKEN":  rand.Text(),
		"DAPR_API_TOKEN": rand.Text(),
	}
	if s.kafka != "" {
		s.env["KAFKA_BROKERS"] = s.kafka
	}
	maps.Copy(s.env, unlessSet(goRuntime()))
	s.file = file.With(runfile.Changes{
		Resources: s.resources(),
		Folder:    s.path("data"),
		PortBase:  o.PortBase,
		Env:       merged(unlessSet(map[string]string{"GOMEMLIMIT": serviceMemory}), o.Env),
		Command:   s.command,
		Profiling: o.Profiling,
	})
	return s, nil
}

// command lets the shell send a service's log to a file and become it.
func (s *System) command(app string) []string {
	return []string{"sh", "-c", `exec "$0" >>"$1" 2>&1`, s.program(app), s.Log(app)}
}

func (s *System) path(parts ...string) string {
	return filepath.Join(append([]string{s.o.Folder}, parts...)...)
}

// program is the path of a program built here.
func (s *System) program(name string) string { return filepath.Join(s.o.Root, workFolder, "bin", name) }

// grace is how long a process may take to end when asked to.
const grace = 5 * time.Second

// Stop ends everything: services first, which finish what they have begun,
// then sidecars, then the CLI and the broker. Nothing is left when it returns.
func (s *System) Stop() {
	s.once.Do(func() {
		s.mu.Lock()
		s.stopped = true
		s.mu.Unlock()
		var services, sidecars, rest []*proc.Process
		for _, name := range s.Processes() {
			p := s.member(name).current()
			switch {
			case name == Broker:
				rest = append(rest, p)
			case strings.HasSuffix(name, SidecarSuffix):
				sidecars = append(sidecars, p)
			default:
				services = append(services, p)
			}
		}
		if s.cli != nil {
			rest = append(rest, s.cli)
		}
		for _, processes := range [][]*proc.Process{services, sidecars, rest} {
			stopAll(processes)
		}
		s.watches.Wait()
		s.release()
	})
}

func stopAll(processes []*proc.Process) {
	var group sync.WaitGroup
	for _, p := range processes {
		group.Go(func() { p.Stop(grace) })
	}
	group.Wait()
}

// release lets the guard sweep up; should it be gone, this process does.
func (s *System) release() {
	if s.unlock != nil {
		defer s.unlock()
	}
	if s.guard == nil {
		return
	}
	if err := s.guard.Release(); err != nil {
		proc.KillMarked(s.id)
	}
}

// errStopped ends what would start a process in a system that stops.
var errStopped = errors.New("the system is stopped")
