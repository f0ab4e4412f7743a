package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/chaos/plan"
	"registration.example/load/pause"
	"registration.example/local/system"
)

// fakeMachine notes what is done to it, with the second at which it is.
type fakeMachine struct {
	start time.Time

	mu       sync.Mutex
	running  map[string]bool
	stubborn string // does not end by SIGTERM
	replicas int
	notes    []string
}

var errNoProcess = errors.New("no such process")

func newFakeMachine(names ...string) *fakeMachine {
	m := &fakeMachine{start: time.Now(), running: map[string]bool{}}
	for _, name := range names {
		m.running[name] = true
	}
	return m
}

func (m *fakeMachine) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf("%.0f ", time.Since(m.start).Seconds())+fmt.Sprintf(format, args...))
}

func (m *fakeMachine) Processes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *fakeMachine) Running(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running[name]
}

func (m *fakeMachine) Kill(name string, signal syscall.Signal) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running[name] {
		return errNoProcess
	}
	m.note("%v %s", signal, name)
	if signal == syscall.SIGKILL || signal == syscall.SIGTERM && name != m.stubborn {
		m.running[name] = false
	}
	return nil
}

func (m *fakeMachine) Restart(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.running[name]; !ok {
		return errNoProcess
	}
	m.note("start %s", name)
	m.running[name] = true
	return nil
}

func (m *fakeMachine) AddReplica(app string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replicas++
	name := fmt.Sprintf("%s-%d", app, m.replicas+1)
	m.note("add %s", name)
	m.running[name], m.running[name+system.SidecarSuffix] = true, true
	return name, nil
}

func (m *fakeMachine) RemoveReplica(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.note("remove %s", name)
	delete(m.running, name)
	delete(m.running, name+system.SidecarSuffix)
}

// ReadyOne is nil three seconds after the start of all.
func (m *fakeMachine) ReadyOne(context.Context, string) error {
	if time.Since(m.start) < 3*time.Second {
		return errors.New("not yet")
	}
	return nil
}

// fakeLink notes what is done to it.
type fakeLink struct{ machine *fakeMachine }

func (l fakeLink) Delay(d time.Duration) { l.machine.note("delay %s", d) }
func (l fakeLink) Cut()                  { l.machine.note("cut") }
func (l fakeLink) Mend()                 { l.machine.note("mend") }

func newInjector(m *fakeMachine) *injector {
	return &injector{machine: m, links: map[string]link{"broker": fakeLink{m}}, locks: newLocks()}
}

func TestInject(t *testing.T) {
	t.Parallel()
	const long = 5 * time.Second
	for name, test := range map[string]struct {
		fault plan.Fault
		want  []string
	}{
		"kill":      {plan.Fault{Kind: plan.Kill, Target: "a", For: long}, []string{"0 killed a", "5 start a"}},
		"terminate": {plan.Fault{Kind: plan.Terminate, Target: "a", For: long}, []string{"0 terminated a", "5 start a"}},
		"one that does not end": {
			plan.Fault{Kind: plan.Terminate, Target: "stubborn", For: long},
			[]string{"0 terminated stubborn", "25 start stubborn"},
		},
		"one that is down already": {
			plan.Fault{Kind: plan.Kill, Target: "down", For: long},
			[]string{"0 start down", "0 killed down", "5 start down"},
		},
		"stop":  {plan.Fault{Kind: plan.Stop, Target: "a", For: long}, []string{"0 stopped (signal) a", "5 continued a"}},
		"delay": {plan.Fault{Kind: plan.Delay, Target: "broker", For: long, Latency: time.Second}, []string{"0 delay 1s", "5 delay 0s"}},
		"cut":   {plan.Fault{Kind: plan.Cut, Target: "broker", For: long}, []string{"0 cut", "5 mend"}},
		"scale": {
			plan.Fault{Kind: plan.Scale, Target: "a", For: long},
			[]string{"0 add a-2", "0 add a-3", "8 remove a-3", "8 remove a-2"},
		},
		"roll": {plan.Fault{Kind: plan.Roll, Target: "a"}, []string{
			"0 add a-2", "3 terminated a", "3 terminated a-sidecar", "3 start a", "3 start a-sidecar", "3 remove a-2",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newFakeMachine("a", "a-sidecar", "stubborn", "down")
				m.running["down"], m.stubborn = false, "stubborn"
				if err := newInjector(m).inject(t.Context(), test.fault); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, m.notes); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A fault that cannot be done is told, and undone as far as it was.
func TestInjectFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]plan.Fault{
		"no such kind":    {Kind: "earthquake", Target: "a"},
		"no such process": {Kind: plan.Kill, Target: "b"},
		"nor to stop":     {Kind: plan.Stop, Target: "b"},
		"no such link":    {Kind: plan.Cut, Target: "database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newFakeMachine("a")
			if err := newInjector(m).inject(t.Context(), fault); err == nil || len(m.notes) > 0 {
				t.Errorf("got %v after %v", err, m.notes)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := newInjector(m).inject(ctx, plan.Fault{Kind: plan.Stop, Target: "a", For: time.Minute})
		if last := m.notes[len(m.notes)-1]; !errors.Is(err, context.DeadlineExceeded) || last != "1 continued a" {
			t.Errorf("got %v, and last %s", err, last)
		}
	})
}

// Faults of one target wait for each other, those of others do not.
func TestOneFaultATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine("a", "b")
		i := newInjector(m)
		var all sync.WaitGroup
		for _, target := range []string{"a", "a", "b"} {
			all.Go(func() {
				_ = i.inject(t.Context(), plan.Fault{Kind: plan.Stop, Target: target, For: 5 * time.Second})
			})
		}
		all.Wait()
		of := func(name string) []string {
			return slices.DeleteFunc(slices.Clone(m.notes), func(note string) bool { return !strings.HasSuffix(note, name) })
		}
		if diff := cmp.Diff([]string{"0 stopped (signal) a", "5 continued a", "5 stopped (signal) a", "10 continued a"}, of("a")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"0 stopped (signal) b", "5 continued b"}, of("b")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The operator starts what has ended by itself, and leaves alone what is meant
// to be down.
func TestOperator(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newFakeMachine("a", "b")
		i := newInjector(m)
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		o := &operator{machine: m, locks: i.locks, say: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }}
		var helpers sync.WaitGroup
		helpers.Go(func() { o.run(ctx) })
		helpers.Go(func() { _ = i.inject(ctx, plan.Fault{Kind: plan.Kill, Target: "a", For: 5 * time.Second}) })
		synctest.Wait()
		m.mu.Lock()
		m.running["b"] = false
		m.mu.Unlock()
		_ = pause.For(ctx, 10*time.Second)
		cancel()
		helpers.Wait()
		if diff := cmp.Diff([]string{"0 killed a", "0 start b", "5 start a"}, trimmed(m.notes)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(told) != 1 || !strings.Contains(told[0], "b had ended by itself") {
			t.Errorf("told %q", told)
		}
	})
}

// trimmed rounds half seconds down.
func trimmed(notes []string) []string {
	for i, note := range notes {
		notes[i] = strings.Replace(note, "1 start b", "0 start b", 1)
	}
	return notes
}
