package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"registration.example/load/generator"
	"registration.example/local/system"
)

// load runs a load until it ends by itself; nothing accepted may be lost or doubled.
func load(t *testing.T, rate float64, duration time.Duration, during func()) {
	t.Helper()
	type result struct {
		report generator.Report
		err    error
	}
	done := make(chan result, 1)
	go func() {
		report, err := generator.Run(context.WithoutCancel(t.Context()), generator.Options{
			Target: target.operations, UsersTarget: target.users, Rate: rate, Duration: duration, Clients: 64,
			Timeout: 5 * time.Second, Drain: 90 * time.Second, Keys: true, Deny: 0.1, Seed: 1, Check: 10_000,
		})
		done <- result{report, err}
	}()
	during()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Log(r.report.Verdict.String())
	if !r.report.OK() || r.report.Verdict.Accepted == 0 {
		_ = r.report.Print(t.Output())
		t.Fatal("something accepted was lost, doubled or changed")
	}
}

// TestKilledProcessLosesNothing kills each process under load, and starts it
// again as an operator would.
func TestKilledProcessLosesNothing(t *testing.T) {
	s := own(t)
	for _, name := range s.Processes() {
		t.Run(name, func(t *testing.T) {
			load(t, 50, 6*time.Second, func() {
				wait(t, 2*time.Second)
				if err := s.Kill(name, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				wait(t, time.Second)
				if err := s.Restart(name); err != nil {
					t.Fatal(err)
				}
			})
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantServedAgain(t, 15*time.Second)
		})
	}
}

// wantServedAgain checks that every partition is consumed within the limit:
// 100 operations, spread over all partitions by their ids, end.
func wantServedAgain(t *testing.T, limit time.Duration) {
	t.Helper()
	start := time.Now()
	ids := make([]operation, 100)
	for i := range ids {
		ids[i] = create(t, "served")
	}
	for _, o := range ids {
		await(t, o.UUID)
	}
	if took := time.Since(start); took > limit {
		t.Fatalf("the partitions were served again after %s, want %s", took, limit)
	}
}

// TestStoppedServiceFinishesItsWork sends SIGTERM to each service under load.
func TestStoppedServiceFinishesItsWork(t *testing.T) {
	s := own(t)
	for _, name := range s.Apps() {
		t.Run(name, func(t *testing.T) {
			load(t, 50, 4*time.Second, func() {
				wait(t, time.Second)
				if err := s.Kill(name, syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				wait(t, time.Second)
				if err := s.Restart(name); err != nil {
					t.Fatal(err)
				}
			})
			if err := s.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestBrokerAwayIs503 looks at what clients get while the broker is away.
func TestBrokerAwayIs503(t *testing.T) {
	s := own(t)
	if s.PID(system.Broker) == 0 {
		t.Skip("needs the embedded broker")
	}
	if err := s.Kill(system.Broker, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	response, answer := call(t, http.MethodPost, target.operations+"/operations/user-create", `{"name": "hans"}`, "Idempotency-Key", "broker away")
	took := time.Since(begin)
	if err := s.Restart(system.Broker); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Fatalf("%s: %s", response.Status, answer)
	}
	if limit := 15 * time.Second; took > limit {
		t.Fatalf("answered after %s, want %s", took, limit)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The same key is accepted when the broker is back, and ends.
	for deadline := time.Now().Add(endWithin); ; wait(t, 200*time.Millisecond) {
		response, answer = call(t, http.MethodPost, target.operations+"/operations/user-create", `{"name": "hans"}`, "Idempotency-Key", "broker away")
		if response.StatusCode == http.StatusAccepted {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still refused: %s: %s", response.Status, answer)
		}
	}
	await(t, decode[operation](t, answer).UUID)
}

func TestDeliveryWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := own(t)
	url := s.EventsURL(userService) + "/events/user-create"
	for name, headers := range map[string][]string{"none": nil, "wrong": {"dapr-api-token", "wrong"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, answer := call(t, http.MethodPost, url, `{"entries":[]}`, headers...)
			if response.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%s: %s", response.Status, answer)
			}
		})
	}
	response, _ := call(t, http.MethodPost, target.users+"/events/user-create", `{"entries":[]}`)
	if response.StatusCode != http.StatusNotFound {
		t.Fatalf("the clients' port takes events: %s", response.Status)
	}
}

func TestEveryServiceTellsItsMetrics(t *testing.T) {
	t.Parallel()
	s := own(t)
	await(t, create(t, "hans").UUID)
	for app, want := range map[string]string{
		operationService: "registration_saga_duration_seconds_count", userService: "registration_users_total", approvalService: "registration_approvals_total",
	} {
		if _, answer := call(t, http.MethodGet, s.URL(app)+"/metrics", ""); !strings.Contains(string(answer), want) {
			t.Errorf("%s has no metric %s", app, want)
		}
	}
}

var askedMetric = regexp.MustCompile(`\b(?:registration|dapr)_[a-z_]+\b`)

// TestDashboardsNameWhatThereIs: services and real sidecars have each metric of
// theirs that the dashboard and the alerts ask for, after one saga.
func TestDashboardsNameWhatThereIs(t *testing.T) {
	t.Parallel()
	s := own(t)
	await(t, create(t, "hans").UUID)
	var told strings.Builder
	for _, app := range []string{operationService, userService, approvalService} {
		for _, url := range []string{s.URL(app) + "/metrics", s.MetricsURL(app)} {
			_, answer := call(t, http.MethodGet, url, "")
			told.Write(answer)
		}
	}
	asked := 0
	for _, file := range []string{"registration.json", "alerts.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "dashboards", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range askedMetric.FindAllString(string(text), -1) {
			asked++
			if !strings.Contains(told.String(), "\n"+name+"{") && !strings.Contains(told.String(), "\n"+name+" ") {
				t.Errorf("%s asks for %s, which nobody has", file, name)
			}
		}
	}
	if asked == 0 {
		t.Error("nobody asks for anything")
	}
}

// wait lets time pass in a test that is about what happens meanwhile.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
