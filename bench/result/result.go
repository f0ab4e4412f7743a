// Package result is what the benchmark found: it is kept as JSON, printed as a
// table, drawn, and compared with what another commit gave.
package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"registration.example/load/generator"
)

// Result is one run of the benchmark.
type Result struct {
	Commit string    `json:"commit"` // with "-dirty" if files differed from it
	Time   time.Time `json:"time"`
	Machine
	Runs []Run `json:"runs"`
}

// Machine is where a result was measured.
type Machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	Go    string `json:"go"`
}

// Run is one load on one system.
type Run struct {
	// Name is measurement and variant: "throughput/bulk".
	Name string `json:"name"`
	// Sagas is how many ended a second, from the start to the last end.
	Sagas float64 `json:"sagas_per_second"`
	// Events is four times that: a saga is one record on each of four topics.
	Events float64 `json:"events_per_second"`
	// Micros is CPU in microseconds a saga, by process; that of the benchmark's
	// own process, with the load generator, is "load".
	Micros map[string]float64 `json:"cpu_us_per_saga"`
	// Megabytes is the most resident memory, by process; of shared pages its part.
	Megabytes map[string]float64 `json:"memory_mb"`
	// Batches is the mean size of what was handled together: requests under
	// "accept", else events of a topic in a delivery.
	Batches map[string]float64 `json:"batch_size"`
	// Load is the load generator's own report.
	Load generator.Report `json:"load"`
	// Extra holds what only this measurement has.
	Extra map[string]float64 `json:"extra,omitempty"`
	// Notes say in words what a reader has to know.
	Notes []string `json:"notes,omitempty"`
}

// LoadProcess is the name of the benchmark's own process.
const LoadProcess = "load"

// Services is the CPU of services and sidecars together, in microseconds a saga.
func (r Run) Services() float64 {
	sum := 0.0
	for name, micros := range r.Micros {
		if name != LoadProcess && name != "broker" && name != "dapr" {
			sum += micros
		}
	}
	return sum
}

// Memory is the sum of what all processes but the load generator's had at most.
func (r Run) Memory() float64 {
	sum := 0.0
	for name, megabytes := range r.Megabytes {
		if name != LoadProcess {
			sum += megabytes
		}
	}
	return sum
}

// File is where a result is kept in a folder.
func (r Result) File(folder string) string {
	return filepath.Join(folder, fmt.Sprintf("%s-%s.json", r.Commit, r.Time.UTC().Format("20060102-150405")))
}

// Write keeps the result in a folder and gives the file.
func (r Result) Write(folder string) (string, error) {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write result: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("write result: %w", err)
	}
	file := r.File(folder)
	if err := os.WriteFile(file, append(content, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("write result: %w", err)
	}
	return file, nil
}

// Read reads a result.
func Read(file string) (Result, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Result{}, fmt.Errorf("read result: %w", err)
	}
	var r Result
	if err := json.Unmarshal(content, &r); err != nil {
		return Result{}, fmt.Errorf("read result %s: %w", file, err)
	}
	return r, nil
}
