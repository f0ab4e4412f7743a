package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"registration.example/local/proc"
	"registration.example/local/runfile"
)

// maxReplicas of an app: their ports lie between those of the apps and the next
// kind of port, forty further on.
const maxReplicas = 12

// AddReplica starts a service and its sidecar once more, up to twelve times,
// beside the first: the same programs, folders and settings, on other ports. It gives
// the name of the service; the sidecar's has the suffix. Nothing waits until
// the replica is ready (see ReadyOne), and nobody supervises it.
func (s *System) AddReplica(app string) (string, error) {
	service, sidecar := s.member(app), s.member(app+SidecarSuffix)
	if service == nil || sidecar == nil {
		return "", fmt.Errorf("add a replica of %s: no such process", app)
	}
	name, shift, err := s.nameReplica(app)
	if err != nil {
		return "", err
	}
	ports := portsOf(s.app(app))
	for _, start := range []struct {
		name string
		spec proc.Spec
	}{
		{name + SidecarSuffix, sidecar.current().Spec},
		{name, service.current().Spec},
	} {
		spec := movedSpec(start.spec, ports, shift)
		spec.Log = s.path("log", start.name+".log")
		if err := s.launch(start.name, spec); err != nil {
			s.RemoveReplica(name)
			return "", fmt.Errorf("add a replica of %s: %w", app, err)
		}
	}
	return name, nil
}

// RemoveReplica ends what AddReplica has started: the service first, which
// finishes what it has begun, then the sidecar.
func (s *System) RemoveReplica(name string) {
	for _, n := range []string{name, name + SidecarSuffix} {
		m := s.member(n)
		if m == nil {
			continue
		}
		s.mu.Lock()
		delete(s.members, n)
		s.mu.Unlock()
		m.current().Stop(grace)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.replicas, name)
}

// nameReplica takes the first name that is free, with its ports.
func (s *System) nameReplica(app string) (name string, shift int, err error) {
	a := s.app(app)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < maxReplicas; i++ {
		name, shift = fmt.Sprintf("%s-%d", app, i+1), i*len(s.file.Apps)
		if _, taken := s.replicas[name]; taken {
			continue
		}
		s.replicas[name] = a.Moved(shift)
		return name, shift, nil
	}
	return "", 0, fmt.Errorf("add a replica of %s: there are %d", app, maxReplicas)
}

// launch starts a process under a new name.
func (s *System) launch(name string, spec proc.Spec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	p, err := proc.Start(spec)
	if err != nil {
		return err
	}
	s.members[name] = newMember(name, p)
	return nil
}

func portsOf(a runfile.App) []int {
	ports := []int{
		a.ClientPort(), a.AppPort, a.HTTPPort, a.GRPCPort, a.InternalPort, a.MetricsPort,
		a.ServiceProfilePort(), a.ProfilePort,
	}
	return slices.DeleteFunc(ports, func(port int) bool { return port == 0 })
}

// movedSpec is how a process is started with its ports moved, wherever they
// stand in arguments and environment.
func movedSpec(spec proc.Spec, ports []int, shift int) proc.Spec {
	move := func(text string) string {
		prefix, value := "", text
		if i := strings.LastIndexByte(text, '='); i >= 0 {
			prefix, value = text[:i+1], text[i+1:]
		}
		port, err := strconv.Atoi(value)
		if err != nil || !slices.Contains(ports, port) {
			return text
		}
		return prefix + strconv.Itoa(port+shift)
	}
	spec.Argv, spec.Env = slices.Clone(spec.Argv), slices.Clone(spec.Env)
	for _, texts := range [][]string{spec.Argv, spec.Env} {
		for i, text := range texts {
			texts[i] = move(text)
		}
	}
	return spec
}
