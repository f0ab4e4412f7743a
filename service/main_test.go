package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/service"
)

// asProgram makes the test binary a service: what Main does with arguments,
// signals and exit statuses is seen from outside only.
const asProgram = "SERVICE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	os.Exit(service.Program{
		Name: "test-service", About: "A service for tests.", Port: 8080,
		Configure: func(e *service.Environment) func(service.Base) service.Options {
			greeting := e.String("GREETING", "hello", "what it says")
			return func(base service.Base) service.Options {
				base.Logger.Info(greeting, "replica", base.Replica)
				return service.Options{Ready: service.NewReadiness(base.Logger)}
			}
		},
	}.Main())
}

// program is a command that runs the service with two free ports.
func program(t *testing.T, environment []string, arguments ...string) *exec.Cmd {
	t.Helper()
	public, events := freePorts(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0], arguments...)
	command.Env = append([]string{asProgram + "=1", fmt.Sprint("PORT=", public), fmt.Sprint("APP_PORT=", events)}, environment...)
	return command
}

func TestProgramEndsAtOnce(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	port := taken.Addr().(*net.TCPAddr).Port
	for name, test := range map[string]struct {
		environment, arguments []string
		status                 int
		output                 []string
	}{
		"help":                    {arguments: []string{"-h"}, output: []string{"A service for tests.", "GREETING", "DAPR_GRPC_PORT"}},
		"help despite an error":   {arguments: []string{"-h"}, environment: []string{"DRAIN=x"}, output: []string{"DRAIN"}},
		"unknown flag":            {arguments: []string{"-x"}, status: 2, output: []string{"-x", "GREETING"}},
		"bad setting":             {environment: []string{"DRAIN=x", "LOG_LEVEL=y"}, status: 2, output: []string{`DRAIN="x"`, `LOG_LEVEL="y"`}},
		"port is taken":           {environment: []string{fmt.Sprint("PORT=", port)}, status: 1, output: []string{"port for clients", "address already in use"}},
		"sidecar's port is taken": {environment: []string{fmt.Sprint("APP_PORT=", port)}, status: 1, output: []string{"port for the sidecar"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			output, err := program(t, test.environment, test.arguments...).CombinedOutput()
			status := 0
			if exit, exited := errors.AsType[*exec.ExitError](err); exited {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			for _, want := range test.output {
				if !strings.Contains(string(output), want) {
					t.Errorf("no %q in:\n%s", want, output)
				}
			}
		})
	}
}

// TestProgramEndsAtSIGTERM: it logs JSON lines, shows no secret, and ends well.
func TestProgramEndsAtSIGTERM(t *testing.T) {
	t.Parallel()
	command := program(t, []string{"APP_API_TOKEN=hidden", "GREETING=good morning"})
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for log := json.NewDecoder(stderr); ; {
		var line struct {
			Level, Msg, Service string
			Settings            map[string]string
		}
		if err := log.Decode(&line); err != nil {
			break // the end
		}
		said = append(said, line.Msg)
		if line.Service != "test-service" {
			t.Errorf("line of service %q", line.Service)
		}
		if line.Msg == "starting" && (line.Settings["APP_API_TOKEN"] != "***" || line.Settings["GREETING"] != "good morning") {
			t.Errorf("settings %v", line.Settings)
		}
		if line.Msg == "listening" {
			if err := command.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	said = slices.DeleteFunc(said, func(message string) bool { return message == "ready" }) // at any time
	if diff := cmp.Diff([]string{"starting", "good morning", "listening", "draining", "stopped"}, said); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestTokenIsMissing: whoever runs without the app's token is told so.
func TestTokenIsMissing(t *testing.T) {
	t.Parallel()
	r := start(t, func(o *service.Options) { o.Settings.AppToken = "" })
	r.logged(t, "APP_API_TOKEN is not set")
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}

func TestRegistryKnowsTheProcess(t *testing.T) {
	t.Parallel()
	families, err := service.NewRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, family := range families {
		found[family.GetName()] = true
	}
	if !found["go_goroutines"] || !found["process_open_fds"] {
		t.Errorf("metrics %v", found)
	}
}

func TestRedelivered(t *testing.T) {
	t.Parallel()
	b := &bench{registry: prometheus.NewRegistry()}
	metrics := service.NewEventMetrics(b.registry)
	metrics.Redelivered("user-create", 0)
	metrics.Redelivered("user-create", 2)
	metrics.Redelivered("user-create", 1)
	if got := b.metric(t, "registration_redeliveries_total", "user-create"); got != 3 {
		t.Errorf("counted %v, want 3", got)
	}
}

func TestLogger(t *testing.T) {
	t.Parallel()
	logger := service.NewLogger(os.Stderr, "test-service", slog.LevelWarn)
	if logger.Enabled(t.Context(), slog.LevelInfo) || !logger.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the level is not heeded")
	}
}
