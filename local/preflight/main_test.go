package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// runFile makes a run file whose components want Kafka and MongoDB.
func runFile(t *testing.T, kafka, mongodb string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"dapr.yaml": "version: 1\ncommon: {configFilePath: c.yaml, resourcesPaths: [r]}\napps: []\n",
		"r/a.yaml": "kind: Component\nspec: {type: pubsub.kafka, metadata: [{name: brokers, value: '" + kafka + "'}]}\n---\n" +
			"kind: Component\nspec: {type: state.mongodb, metadata: [{name: host, value: '" + mongodb + "'}]}\n",
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "dapr.yaml")
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	here := l.Addr().String()
	const nobody, nobody2 = "127.0.0.1:1", "127.0.0.1:2"
	for name, test := range map[string]struct{ kafka, mongodb, want string }{
		"all there":  {here, here, ""},
		"no Kafka":   {nobody, here, "Not reachable: Kafka at 127.0.0.1:1. Start"},
		"no MongoDB": {here, nobody, "Not reachable: MongoDB at 127.0.0.1:1. Start"},
		"neither":    {nobody, nobody2, "Not reachable: Kafka at 127.0.0.1:1 and MongoDB at 127.0.0.1:2. Start"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := preflight(t.Context(), runFile(t, test.kafka, test.mongodb), os.Getenv)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("preflight = %q, want %q", got, test.want)
			}
			if strings.Contains(got, "\n") || test.want != "" && !strings.Contains(got, "docker compose up -d --wait") {
				t.Errorf("preflight = %q, want one line that says how to start them", got)
			}
		})
	}
	if _, err := preflight(t.Context(), filepath.Join(t.TempDir(), "absent.yaml"), os.Getenv); err == nil {
		t.Error("preflight without a run file succeeded")
	}
}

// preflight kills a process group only if the CLI leads it and started us.
func TestUnderDaprRun(t *testing.T) {
	t.Parallel()
	group := syscall.Getpgrp()
	under := map[string]string{"APP_ID": "user-service", "DAPR_HTTP_PORT": "3500"}
	for name, test := range map[string]struct {
		cli  int
		env  map[string]string
		want bool
	}{
		"leader, as an app":       {group, under, true},
		"leader, not as an app":   {group, nil, false},
		"not the leader":          {group + 1, under, false},
		"no process":              {0, under, false},
		"every process, by kill1": {1, under, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := underDaprRun(test.cli, func(n string) string { return test.env[n] }); got != test.want {
				t.Errorf("underDaprRun = %t, want %t", got, test.want)
			}
		})
	}
}

// The group that `dapr run -f` leads ends when a server is missing: here a
// shell stands for the CLI, and another for the app's script.
func TestStopsTheGroup(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "preflight")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	file := runFile(t, "127.0.0.1:1", "127.0.0.1:1")
	cli := exec.CommandContext(t.Context(), "sh", "-c", `sh -c '"$0" -run-file "$1" -stop "$PPID"; true' "$0" "$1"; true`, program, file)
	cli.Env = append(os.Environ(), "APP_ID=a", "DAPR_HTTP_PORT=1")
	cli.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cli.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the group's leader ended with %v, want killed; it printed %s", err, out)
	}
	if lines := strings.Count(string(out), "\n"); lines != 1 {
		t.Errorf("%d lines printed, want one: %s", lines, out)
	}
}
