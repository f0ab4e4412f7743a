package main

import (
	"context"
	"errors"
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
	{"growth", growth},
	{"single", single},
	{"kafka", apacheKafka},
	{"mongodb", mongoDB},
	{"overload", overload},
	{"approval", approval},
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

const (
	// warmUp is a load that is not measured: connections are opened, code is
	// paged in, heaps find their size.
	warmUp = 3 * time.Second
	// warmUpDatabase opens the connections of a database server.
	warmUpDatabase = 10 * time.Second
	// warmUpJava is enough for Java to have compiled what is hot.
	warmUpJava = 40 * time.Second
	// idleRate is a load that leaves the machine idle.
	idleRate = 50
)

// full is the load under which the most is carried: requests that wait for the
// end of their operation, so many that all processes always have work.
func full(d time.Duration) generator.Options {
	return generator.Options{Duration: d, Clients: 1500, Wait: true}
}

// idle is the load of the measurements of latency.
func idle(d time.Duration) generator.Options {
	return generator.Options{Rate: idleRate, Duration: d}
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
	return on(ctx, s.options(), full(warmUp), one(ctx, "latency", idle(s.duration/2)))
}

// single is what bulk deliveries and group commit gain.
func single(ctx context.Context, s settings) ([]result.Run, error) {
	bulk, err := on(ctx, s.options(), full(warmUp), one(ctx, "single/bulk", full(s.duration/4)))
	if err != nil {
		return bulk, err
	}
	o := s.options()
	o.Single = true
	// What is in flight waits: fewer clients, or they would wait for ever.
	few := generator.Options{Duration: s.duration / 4, Clients: 200, Wait: true}
	alone, err := on(ctx, o, generator.Options{Duration: warmUp, Clients: 50, Wait: true}, one(ctx, "single/single", few))
	if err == nil {
		alone[0].Extra = map[string]float64{"bulk to single": bulk[0].Sagas / alone[0].Sagas}
	}
	return append(bulk, alone...), err
}

// apacheKafka is what is carried with Apache Kafka on the same machine.
func apacheKafka(ctx context.Context, s settings) ([]result.Run, error) {
	o := s.options()
	o.Kafka = true
	return on(ctx, o, full(warmUpJava), one(ctx, "kafka", full(s.duration/2)))
}

// writesPerSaga: an operation and a user, each made and ended.
const writesPerSaga = 4

// errNoMongoDB is no failure: see mongoDB.
var errNoMongoDB = errors.New("skipped: no MONGODB_URI")

// mongoDB is what is carried with MongoDB instead of SQLite, with the embedded
// broker and with Kafka.
func mongoDB(ctx context.Context, s settings) ([]result.Run, error) {
	if s.mongoDB == "" {
		_, _ = fmt.Fprintln(s.log, "mongodb:", errNoMongoDB)
		return nil, nil
	}
	o := s.options()
	o.MongoDB = s.mongoDB
	runs, err := on(ctx, o, full(warmUpDatabase), againstWrites(ctx, "mongodb", s.duration))
	if err != nil {
		return runs, err
	}
	o.Kafka = true
	more, err := on(ctx, o, full(warmUpJava), againstWrites(ctx, "mongodb/kafka", s.duration))
	return append(runs, more...), err
}

// againstWrites is a load, and what it is of the writes that the database takes
// through one sidecar: plain ones, and those of sagas.
func againstWrites(ctx context.Context, name string, d time.Duration) func(*rig.Rig) ([]result.Run, error) {
	return func(r *rig.Rig) ([]result.Run, error) {
		before, err := writeRates(ctx, r, d/12)
		if err != nil {
			return nil, err
		}
		run, err := r.Load(ctx, name, full(d/2))
		if err != nil {
			return []result.Run{run}, err
		}
		// Before and after: the machine's pace changes within a minute.
		after, err := writeRates(ctx, r, d/12)
		run.Extra = map[string]float64{}
		for kind, rate := range before {
			allowed := (rate + after[kind]) / 2 / writesPerSaga
			run.Extra["sagas/s that "+kind+" writes allow"] = allowed
			run.Extra["of what "+kind+" writes allow"] = run.Sagas / allowed
		}
		return []result.Run{run}, err
	}
}

// writeRates measures each kind of writes a second.
func writeRates(ctx context.Context, r *rig.Rig, d time.Duration) (map[string]float64, error) {
	rates := map[string]float64{}
	for name, writing := range map[string]rig.Writing{"plain": rig.PlainWrites, "a saga's": rig.SagaWrites} {
		rate, err := r.WriteRate(ctx, d, writing)
		if err != nil {
			return nil, err
		}
		rates[name] = rate
	}
	return rates, nil
}

// growth is what a hundred times as many stored operations and users cost.
func growth(ctx context.Context, s settings) ([]result.Run, error) {
	return on(ctx, s.options(), full(warmUp), func(r *rig.Rig) ([]result.Run, error) {
		var runs []result.Run
		for _, size := range []int{10_000, 1_000_000} {
			if err := r.Fill(ctx, size); err != nil {
				return runs, err
			}
			run, err := r.Load(ctx, fmt.Sprintf("growth/%d stored", size), full(s.duration/4))
			runs = append(runs, run)
			if err != nil {
				return runs, err
			}
		}
		runs[1].Extra = map[string]float64{"of the rate at 10000": runs[1].Sagas / runs[0].Sagas}
		return runs, nil
	})
}

// overload is what happens at three times the load that is carried, and after it.
func overload(ctx context.Context, s settings) ([]result.Run, error) {
	return on(ctx, s.options(), full(warmUp), func(r *rig.Rig) ([]result.Run, error) {
		before, err := r.Load(ctx, "overload/before", full(s.duration/6))
		if err != nil {
			return nil, err
		}
		// Clients as one that does not care: more requests than can be taken, at once.
		run, err := r.Load(ctx, "overload", generator.Options{
			Rate: 3 * before.Sagas, Duration: s.duration / 2, Clients: 4000, Drain: 5 * time.Minute,
		})
		run.Extra = map[string]float64{
			"offered/s":                 3 * before.Sagas,
			"drained after the load, s": run.Load.Elapsed - run.Load.Sending,
		}
		if err != nil {
			return []result.Run{run}, err
		}
		// As long as latency: a pause of 100 ms is 1 % of 10 s.
		after, err := r.Load(ctx, "overload/after", idle(s.duration/2))
		return []result.Run{before, run, after}, err
	})
}
