package result_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/bench/result"
)

func measured(commit string, sagas float64) result.Result {
	return result.Result{
		Commit: commit, Time: time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC),
		Machine: result.Machine{CPU: "a CPU", Cores: 2},
		Runs: []result.Run{{
			Name: "throughput", Sagas: sagas, Events: 4 * sagas,
			Micros:    map[string]float64{"broker": 30, result.LoadProcess: 60, "user-service": 100, "user-service-sidecar": 200},
			Megabytes: map[string]float64{result.LoadProcess: 50, "user-service": 40, "broker": 10},
			Batches:   map[string]float64{"accept": 12.5},
			Extra:     map[string]float64{result.Replicas(1): 5, result.Replicas(2): 9.9},
		}},
	}
}

func TestWrittenResultIsReadAgain(t *testing.T) {
	t.Parallel()
	want := measured("abc", 1000)
	file, err := want.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(file, "abc-20261124-200000.json") {
		t.Errorf("file %s", file)
	}
	got, err := result.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSums(t *testing.T) {
	t.Parallel()
	run := measured("abc", 1000).Runs[0]
	if got := run.Services(); got != 300 {
		t.Errorf("services and sidecars use %v us, want 300", got)
	}
	if got := run.Memory(); got != 50 {
		t.Errorf("memory %v MB, want 50", got)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	after := measured("new", 1500)
	after.Runs = append(after.Runs, result.Run{Name: "only here"})
	if err := result.Compare(&out, measured("old", 1000), after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"old", "new", "throughput sagas/s", "1000.0", "1500.0", "1.50"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "only here") {
		t.Error("a run without counterpart is compared")
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := measured("abc", 1000).Runs[0].Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1000/s, 4000 events/s", "services and sidecars 300 us", "user-service-sidecar 200", "accept 12.5"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := measured("abc", 1000).Runs[0].Chart(&out, 5); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "<circle") != 2 || !strings.Contains(out.String(), ">9.9<") {
		t.Errorf("chart:\n%s", out.String())
	}
	decoder := xml.NewDecoder(strings.NewReader(out.String()))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := (result.Run{}).Chart(io.Discard, 5); err == nil {
		t.Error("a chart of nothing")
	}
}
