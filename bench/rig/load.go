package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"registration.example/bench/result"
	"registration.example/load/generator"
	"registration.example/local/system"
)

// eventsPerSaga: one record on each of the four topics.
const eventsPerSaga = 4

// ErrWrong means that an operation was lost, doubled or changed: there is no
// figure then.
var ErrWrong = errors.New("the ledger does not balance")

// Load puts a load on the system and gives what came of it.
func (r *Rig) Load(ctx context.Context, name string, o generator.Options) (result.Run, error) {
	r.complete(&o)
	before, err := r.batches(ctx)
	if err != nil {
		return result.Run{}, err
	}
	profiling, stop := context.WithCancel(ctx)
	defer stop()
	var profiles sync.WaitGroup
	if r.options.Profiles != "" {
		profiles.Go(func() { r.profile(profiling, name, o.Duration) })
	}
	meter := measure(ctx, r.processes())
	report, err := generator.Run(ctx, o)
	if err != nil {
		return result.Run{}, fmt.Errorf("load %s: %w", name, err)
	}
	run := result.Run{Name: name, Sagas: report.EndedRate, Events: eventsPerSaga * report.EndedRate, Load: report}
	run.Micros, run.Megabytes = meter.done(report.Counts.Ended())
	profiles.Wait()
	after, err := r.batches(ctx)
	if err != nil {
		return run, err
	}
	run.Batches = means(before, after)
	if !report.OK() {
		return run, fmt.Errorf("load %s: %w: %s", name, ErrWrong, report.Verdict)
	}
	return run, nil
}

// complete fills in what all loads have in common.
func (r *Rig) complete(o *generator.Options) {
	o.Target, o.UsersTarget = r.URL(OperationService), r.URL(UserService)
	o.Deny, o.Seed = 0.1, uint64(time.Now().UnixNano())>>20
	o.Timeout = 30 * time.Second
	if o.Drain == 0 {
		o.Drain = 2 * time.Minute
	}
	if o.Check == 0 {
		o.Check = 200
	}
	if o.Clients == 0 {
		o.Clients = 128
	}
}

// profile keeps CPU profiles of the middle of a load.
func (r *Rig) profile(ctx context.Context, name string, load time.Duration) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(load / 4):
	}
	var all sync.WaitGroup
	for _, process := range r.Processes() {
		url := ""
		if process != system.Broker {
			url = r.ProfileURL(process)
		}
		if url == "" {
			continue
		}
		all.Go(func() {
			file := filepath.Join(r.options.Profiles, filepath.Base(name)+"-"+process+".pprof")
			if err := fetch(ctx, fmt.Sprintf("%sprofile?seconds=%d", url, int(load.Seconds()/2)), file); err != nil {
				_, _ = fmt.Fprintln(os.Stderr, "profile of", process+":", err)
			}
		})
	}
	all.Wait()
}

func fetch(ctx context.Context, url, file string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	return errors.Join(err, out.Close())
}
