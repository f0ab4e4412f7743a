package experiment

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"registration.example/load/pause"
	"registration.example/local/system"
)

// redeliveries is the services' counter of events that came again.
const redeliveries = "registration_redeliveries_total"

const (
	scrapeInterval = time.Second
	scrapeTimeout  = 2 * time.Second
)

// tally adds up a counter that starts again with its process.
type tally struct {
	mu    sync.Mutex
	last  map[int]float64
	total float64
}

// add notes a process's counter as it stands now.
func (t *tally) add(pid int, value float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[int]float64{}
	}
	t.total += max(0, value-t.last[pid])
	t.last[pid] = value
}

func (t *tally) sum() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(t.total)
}

// watchRedeliveries asks all services until ctx ends, and once more then. What
// a process counts within a second of its being killed is missed: the sum is at
// most what it was.
func (f *fleet) watchRedeliveries(ctx context.Context, t *tally) {
	for pause.For(ctx, scrapeInterval) == nil {
		f.scrape(ctx, t)
	}
	f.scrape(context.WithoutCancel(ctx), t)
}

func (f *fleet) scrape(ctx context.Context, t *tally) {
	for _, name := range f.Processes() {
		if name == system.Broker || name == databaseLink || strings.HasSuffix(name, system.SidecarSuffix) {
			continue
		}
		pid := f.PID(name)
		if value, err := scrape(ctx, f.URL(name)+"/metrics"); err == nil && pid == f.PID(name) {
			t.add(pid, value)
		}
	}
}

// scrape reads the counter, all topics together.
func scrape(ctx context.Context, url string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s: %s", url, response.Status)
	}
	return sumOf(redeliveries, response.Body)
}

// sumOf adds up the series of one metric in Prometheus' text format.
func sumOf(metric string, text io.Reader) (float64, error) {
	sum := 0.0
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if name, _, _ := strings.Cut(series, "{"); name != metric {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", metric, err)
		}
		sum += v
	}
	return sum, lines.Err()
}
