package main

import (
	"context"
	"fmt"
	"time"

	"registration.example/bench/result"
	"registration.example/bench/rig"
	"registration.example/load/generator"
)

const (
	// approvalDelay is the time that one verdict takes.
	approvalDelay = 200 * time.Millisecond
	// perReplica is how many verdicts a second one replica gives then.
	perReplica = float64(time.Second / approvalDelay)
	// settling is how long consumers may take to share the partitions anew.
	settling = 8 * time.Second
	// window is how long verdicts are counted.
	window = 10 * time.Second
	// drain is how long the last of a backlog may take.
	drain = 10 * time.Minute
	// growing is the rate at which the backlog of one replica is watched.
	growing = 20
)

// replicas are those numbers that divide 12 partitions evenly.
var replicas = []int{1, 2, 3, 4, 6, 12}

// approval is the picture of the original article: a slow consumer whose
// backlog grows, and what its replicas decide.
func approval(ctx context.Context, s settings) ([]result.Run, error) {
	o := s.options()
	o.Env = map[string]string{"APPROVAL_DELAY": approvalDelay.String()}
	r, err := rig.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.Stop()
	// The backlog that grows is part of the one that replicas then work off.
	first := start(ctx, r, "approval/lag", generator.Options{Rate: growing, Duration: window + settling, Drain: drain})
	grown, err := lagOfOne(ctx, r)
	if err != nil {
		return nil, err
	}
	run, err := scale(ctx, r)
	if err != nil {
		return nil, err
	}
	if _, err := first.wait(); err != nil {
		return nil, err
	}
	run.Extra["lag grows by, 1/s"] = grown
	run.Extra["lag should grow by, 1/s"] = growing - perReplica
	return []result.Run{run}, nil
}

// lagOfOne is by how much a second the backlog of one replica grows.
func lagOfOne(ctx context.Context, r *rig.Rig) (float64, error) {
	if err := pause(ctx, settling/2); err != nil {
		return 0, err
	}
	before, err := r.Lag(ctx)
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, window); err != nil {
		return 0, err
	}
	after, err := r.Lag(ctx)
	if err != nil {
		return 0, err
	}
	return float64(after-before) / window.Seconds(), nil
}

// scale gives one replica after the other a backlog that none can finish.
func scale(ctx context.Context, r *rig.Rig) (result.Run, error) {
	backlog := 0.0
	for _, n := range replicas {
		backlog += float64(n) * perReplica * (window + settling).Seconds()
	}
	load := start(ctx, r, "approval", generator.Options{Count: int64(backlog * 1.4), Drain: drain})
	decided := map[string]float64{}
	running := 1
	for _, n := range replicas {
		for ; running < n; running++ {
			if _, err := r.AddReplica(rig.ApprovalService); err != nil {
				return result.Run{}, err
			}
		}
		if err := pause(ctx, settling); err != nil {
			return result.Run{}, err
		}
		rate, err := r.Verdicts(ctx, window)
		if err != nil {
			return result.Run{}, err
		}
		decided[result.Replicas(n)] = rate
	}
	run, err := load.wait()
	run.Extra = decided
	run.Notes = append(run.Notes, fmt.Sprintf("one replica decides %g a second by the scaling law", perReplica))
	return run, err
}

// background is a load beside what is measured.
type background struct {
	done chan struct{}
	run  result.Run
	err  error
}

func start(ctx context.Context, r *rig.Rig, name string, o generator.Options) *background {
	b := &background{done: make(chan struct{})}
	go func() {
		defer close(b.done)
		b.run, b.err = r.Load(ctx, name, o)
	}()
	return b
}

func (b *background) wait() (result.Run, error) {
	<-b.done
	return b.run, b.err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
