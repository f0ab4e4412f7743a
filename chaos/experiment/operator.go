package experiment

import (
	"context"
	"slices"
	"time"

	"registration.example/load/pause"
)

// operatorInterval is how soon an operator sees that something has ended.
const operatorInterval = 500 * time.Millisecond

// operator starts what ended without a fault being done to it: a sidecar that
// was started while its broker was away, for one.
type operator struct {
	machine machine
	locks   *locks
	say     func(format string, args ...any)
}

// run works until ctx ends.
func (o *operator) run(ctx context.Context) {
	for pause.For(ctx, operatorInterval) == nil {
		for _, name := range o.machine.Processes() {
			o.look(ctx, name)
		}
	}
}

// look starts one process if it has ended. One that somebody is at work on, or
// that was removed meanwhile, is none of the operator's business.
func (o *operator) look(ctx context.Context, name string) {
	release, free := o.locks.try(name)
	if !free {
		return
	}
	defer release()
	if o.machine.Running(name) || !slices.Contains(o.machine.Processes(), name) {
		return
	}
	if err := o.machine.Restart(ctx, name); err != nil {
		o.say("operator: %s has ended, and does not start: %v", name, err)
		return
	}
	o.say("operator: %s had ended by itself; started again", name)
}
