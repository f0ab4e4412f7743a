package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"registration.example/bench/result"
	"registration.example/bench/rig"
	"registration.example/load/generator"
)

// totalMinutes is about how long everything takes.
const totalMinutes = 15

// measurement is one of those that can be chosen by name.
type measurement struct {
	name string
	run  func(ctx context.Context, s settings) ([]result.Run, error)
}

var measurements = []measurement{
	{"throughput", throughput},
	{"latency", latency},
}

func names() []string {
	var names []string
	for _, m := range measurements {
		names = append(names, m.name)
	}
	return names
}

// choose finds measurements by their names.
func choose(list string) ([]measurement, error) {
	if list == "" {
		return measurements, nil
	}
	var chosen []measurement
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no measurement %q, only %s", name, strings.Join(names(), ", "))
		}
		chosen = append(chosen, measurements[i])
	}
	return chosen, nil
}

// warmUp is a load that is not measured: connections are opened, code is paged
// in, heaps find their size.
const warmUp = 3 * time.Second

// full is the load under which the most is carried: requests that wait for the
// end of their operation, so many that all processes always have work.
func full(d time.Duration) generator.Options {
	return generator.Options{Duration: d, Clients: 1000, Wait: true}
}

func (s settings) options() rig.Options {
	return rig.Options{Root: s.root, Profiles: s.profiles, Out: s.log}
}

// on starts a rig, warms it up, and measures on it.
func on(ctx context.Context, o rig.Options, warm generator.Options, f func(*rig.Rig) ([]result.Run, error)) ([]result.Run, error) {
	r, err := rig.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer r.Stop()
	if _, err := r.Load(ctx, "warm-up", warm); err != nil {
		return nil, err
	}
	return f(r)
}

// one is a measurement of one load.
func one(ctx context.Context, name string, o generator.Options) func(*rig.Rig) ([]result.Run, error) {
	return func(r *rig.Rig) ([]result.Run, error) {
		run, err := r.Load(ctx, name, o)
		return []result.Run{run}, err
	}
}

// throughput is what the embedded profile carries.
func throughput(ctx context.Context, s settings) ([]result.Run, error) {
	return on(ctx, s.options(), full(warmUp), one(ctx, "throughput", full(s.duration)))
}

// latency is what one client sees when the system has little to do.
func latency(ctx context.Context, s settings) ([]result.Run, error) {
	idle := generator.Options{Rate: 50, Duration: s.duration / 2}
	return on(ctx, s.options(), full(warmUp), one(ctx, "latency", idle))
}
