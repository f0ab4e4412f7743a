package experiment

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"registration.example/chaos/plan"
	"registration.example/load/pause"
	"registration.example/local/system"
)

// machine is what faults are done to.
type machine interface {
	Processes() []string
	Running(name string) bool
	Kill(name string, signal syscall.Signal) error
	Restart(ctx context.Context, name string) error
	AddReplica(app string) (string, error)
	RemoveReplica(name string)
	ReadyOne(ctx context.Context, name string) error
}

// link is a connection that can be made worse.
type link interface {
	Delay(time.Duration)
	Cut()
	Mend()
}

const (
	pollInterval = 200 * time.Millisecond
	// endLimit is how long a process may take to end when asked to.
	endLimit = 20 * time.Second
	// readyLimit is how long a replica is waited for; then the fault goes on
	// without it, since others may be going on that keep it from getting ready.
	readyLimit = time.Minute
)

// injector does faults. Those of one target wait for each other.
type injector struct {
	machine machine
	links   map[string]link
	locks   *locks
}

// inject does one fault, and returns when it is undone: what was killed has
// been started, whether it is ready or not.
func (i *injector) inject(ctx context.Context, f plan.Fault) error {
	switch f.Kind {
	case plan.Kill:
		return i.end(ctx, f, syscall.SIGKILL)
	case plan.Terminate:
		return i.end(ctx, f, syscall.SIGTERM)
	case plan.Stop:
		return i.stop(ctx, f)
	case plan.Delay, plan.Cut:
		return i.disturb(ctx, f)
	case plan.Scale:
		return i.scale(ctx, f)
	case plan.Roll:
		return i.roll(ctx, f.Target)
	default:
		return fmt.Errorf("no fault is called %q", f.Kind)
	}
}

// end ends a process, and starts it again after a while.
func (i *injector) end(ctx context.Context, f plan.Fault, signal syscall.Signal) error {
	defer i.locks.take(f.Target)()
	if err := i.terminate(ctx, f.Target, signal); err != nil {
		return err
	}
	if err := pause.For(ctx, f.For); err != nil {
		return err
	}
	return i.machine.Restart(ctx, f.Target)
}

// terminate sends a signal, and waits for the end. A process that does not end
// is left to Restart, which kills it.
func (i *injector) terminate(ctx context.Context, name string, signal syscall.Signal) error {
	if err := i.wantRunning(ctx, name); err != nil {
		return err
	}
	if err := i.machine.Kill(name, signal); err != nil {
		return err
	}
	return until(ctx, endLimit, func() bool { return !i.machine.Running(name) })
}

// wantRunning starts what has ended for another reason just now.
func (i *injector) wantRunning(ctx context.Context, name string) error {
	if i.machine.Running(name) {
		return nil
	}
	return i.machine.Restart(ctx, name)
}

// stop halts a process for a while.
func (i *injector) stop(ctx context.Context, f plan.Fault) error {
	defer i.locks.take(f.Target)()
	if err := i.wantRunning(ctx, f.Target); err != nil {
		return err
	}
	if err := i.machine.Kill(f.Target, syscall.SIGSTOP); err != nil {
		return err
	}
	// It goes on whatever happens: one that is halted could not be ended either.
	paused := pause.For(ctx, f.For)
	if err := i.machine.Kill(f.Target, syscall.SIGCONT); err != nil {
		return err
	}
	return paused
}

// disturb makes a link worse for a while.
func (i *injector) disturb(ctx context.Context, f plan.Fault) error {
	defer i.locks.take(f.Target + " link")()
	l, ok := i.links[f.Target]
	if !ok {
		return fmt.Errorf("no link to %s", f.Target)
	}
	if f.Kind == plan.Cut {
		l.Cut()
		defer l.Mend()
	} else {
		l.Delay(f.Latency)
		defer l.Delay(0)
	}
	return pause.For(ctx, f.For)
}

// scale adds two replicas for a while.
func (i *injector) scale(ctx context.Context, f plan.Fault) error {
	defer i.locks.take(f.Target + " replicas")()
	var names []string
	for range 2 {
		name, err := i.machine.AddReplica(f.Target)
		if err != nil {
			return err
		}
		defer i.remove(name)
		names = append(names, name)
	}
	for _, name := range names {
		if err := i.awaitReady(ctx, name); err != nil {
			return err
		}
	}
	return pause.For(ctx, f.For)
}

// roll replaces a service and its sidecar while a replica stands in, as an
// update of a deployment does.
func (i *injector) roll(ctx context.Context, app string) error {
	defer i.locks.take(app + " replicas")()
	name, err := i.machine.AddReplica(app)
	if err != nil {
		return err
	}
	defer i.remove(name)
	if err := i.awaitReady(ctx, name); err != nil {
		return err
	}
	if err := i.replace(ctx, app); err != nil {
		return err
	}
	return i.awaitReady(ctx, app)
}

// replace ends the service, then its sidecar, and starts both again.
func (i *injector) replace(ctx context.Context, app string) error {
	names := []string{app, app + system.SidecarSuffix}
	for _, name := range names {
		defer i.locks.take(name)()
	}
	for _, name := range names {
		if err := i.terminate(ctx, name, syscall.SIGTERM); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := i.machine.Restart(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// remove ends a replica, unnoticed by the operator.
func (i *injector) remove(name string) {
	defer i.locks.take(name)()
	defer i.locks.take(name + system.SidecarSuffix)()
	i.machine.RemoveReplica(name)
}

func (i *injector) awaitReady(ctx context.Context, name string) error {
	return until(ctx, readyLimit, func() bool { return i.machine.ReadyOne(ctx, name) == nil })
}

// until waits for a condition, or for the limit.
func until(ctx context.Context, limit time.Duration, condition func() bool) error {
	for deadline := time.Now().Add(limit); !condition() && time.Now().Before(deadline); {
		if err := pause.For(ctx, pollInterval); err != nil {
			return err
		}
	}
	return ctx.Err()
}
