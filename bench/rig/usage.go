package rig

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"registration.example/bench/result"
)

// memoryInterval is how often memory is looked at: seldom, since the kernel
// goes through all pages for it.
const memoryInterval = 2 * time.Second

// meter measures what processes use.
type meter struct {
	processes map[string]*process.Process
	before    map[string]time.Duration
	stop      context.CancelFunc
	watching  sync.WaitGroup
	most      map[string]float64 // MB; read after watching has ended
}

// measure begins to measure.
func measure(ctx context.Context, pids map[string]int) *meter {
	m := &meter{processes: map[string]*process.Process{}, most: map[string]float64{}}
	pids[result.LoadProcess] = os.Getpid()
	for name, pid := range pids {
		m.processes[name] = &process.Process{Pid: int32(pid)} //nolint:gosec // a process id fits
	}
	m.before = m.used()
	ctx, m.stop = context.WithCancel(ctx)
	m.watching.Go(func() { m.watch(ctx) })
	return m
}

// watch looks at the memory now and then.
func (m *meter) watch(ctx context.Context) {
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	for {
		for name, p := range m.processes {
			if bytes, err := memory(p); err == nil {
				m.most[name] = max(m.most[name], float64(bytes)/(1<<20))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// memory is what a process keeps resident; of pages that it shares with others,
// such as those of a program that runs several times, its part. Where the
// system does not know parts, shared pages count for each.
func memory(p *process.Process) (bytes uint64, err error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.Pid))
	if err == nil {
		for line := range strings.Lines(string(rollup)) {
			if kilobytes, found := strings.CutPrefix(line, "Pss:"); found {
				_, err = fmt.Sscan(kilobytes, &bytes)
				return bytes << 10, err
			}
		}
	}
	info, err := p.MemoryInfo()
	if err != nil {
		return 0, err
	}
	return info.RSS, nil
}

// used is the CPU time of each process since its start.
func (m *meter) used() map[string]time.Duration {
	used := map[string]time.Duration{}
	for name, p := range m.processes {
		if times, err := p.Times(); err == nil {
			used[name] = time.Duration((times.User + times.System) * float64(time.Second))
		}
	}
	return used
}

// done gives CPU in microseconds for each of n sagas, and the most memory in MB.
func (m *meter) done(n int64) (micros, megabytes map[string]float64) {
	after := m.used()
	m.stop()
	m.watching.Wait()
	micros = map[string]float64{}
	for name := range m.processes {
		micros[name] = float64((after[name] - m.before[name]).Microseconds()) / float64(max(n, 1))
	}
	return micros, m.most
}
