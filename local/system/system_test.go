package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/local/proc"
	"registration.example/local/runfile"
)

// roleEnv makes this test binary a process that does nothing.
const roleEnv = "SYSTEM_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleEnv) != "" {
		select {}
	}
	os.Exit(m.Run())
}

// planned is a system of which nothing is started.
func planned(t *testing.T, o Options) *System {
	t.Helper()
	o.Folder = t.TempDir()
	s, err := prepare(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// output is written by the system and read by the test.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func TestPortsTakenAreNamed(t *testing.T) {
	t.Parallel()
	base, err := FreePortBase()
	if err != nil {
		t.Fatal(err)
	}
	s := planned(t, Options{PortBase: base})
	if err := s.checkPorts(t.Context()); err != nil {
		t.Fatalf("checkPorts with free ports: %v", err)
	}
	for name, port := range map[string]int{
		"user-service (clients)": base + 1,
		"the embedded broker":    runfile.BrokerPort(base),
	} {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		err = s.checkPorts(t.Context())
		if err == nil {
			t.Fatalf("checkPorts succeeded although %d is taken", port)
		}
		for _, want := range []string{fmt.Sprintf("port %d", port), name, fmt.Sprintf("(process %d)", os.Getpid()), "PORT_BASE"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("checkPorts = %v, want it to say %q", err, want)
			}
		}
	}
}

func TestSecondSystemOnTheSameData(t *testing.T) {
	t.Parallel()
	first := planned(t, Options{})
	if err := first.lockFolder(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := planned(t, Options{})
	second.o.Folder = first.o.Folder
	if err := second.lockFolder(t.Context()); err == nil || !strings.Contains(err.Error(), first.o.Folder) {
		t.Errorf("lockFolder = %v, want an error that names %s", err, first.o.Folder)
	}
	first.Stop()
	if err := second.lockFolder(t.Context()); err != nil {
		t.Errorf("lockFolder after the first system's end: %v", err)
	}
}

func TestMissingToolIsNamed(t *testing.T) {
	s := planned(t, Options{})
	t.Setenv("PATH", t.TempDir())
	if err := s.checkTools(t.Context()); err == nil || !strings.Contains(err.Error(), "go.dev/dl") {
		t.Errorf("checkTools = %v, want an error that says where Go comes from", err)
	}
}

// What is written for the CLI, and that data outlives it.
func TestWriteFiles(t *testing.T) {
	t.Parallel()
	s := planned(t, Options{Profile: KafkaMongoDB, Kafka: "k:1", MongoDB: "mongodb://m:2/?replicaSet=r"})
	kept := s.path("data", "user-service", "user-service.db")
	gone := s.path("log", "old.log")
	for _, name := range []string{kept, gone} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.writeFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", gone, err)
	}
	want := []string{filepath.Join(s.o.Root, "components", "shared"), filepath.Join(s.o.Root, "components", "slow-approval"), s.path("run", "components")}
	if diff := cmp.Diff(want, s.file.Common.Resources); diff != "" {
		t.Errorf("component folders (-want +got):\n%s", diff)
	}
	content, err := os.ReadFile(s.path("run", "components", "statestore.yaml"))
	if err != nil || !strings.Contains(string(content), s.o.MongoDB) {
		t.Errorf("state component = %s, %v; want the given connection string", content, err)
	}
}

// Tokens differ from system to system and reach the sidecar by the CLI's
// environment; a broker that is not embedded is the one given.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	a, b := planned(t, Options{Kafka: "k:1"}), planned(t, Options{})
	for _, name := range []string{"APP_API_TOKEN", "DAPR_API_TOKEN"} {
		if a.getenv(name) == b.getenv(name) || len(a.getenv(name)) < 20 {
			t.Errorf("%s of two systems: %q and %q", name, a.getenv(name), b.getenv(name))
		}
	}
	if a.getenv("KAFKA_BROKERS") != "k:1" || b.getenv("KAFKA_BROKERS") != "127.0.0.1:9092" {
		t.Errorf("KAFKA_BROKERS = %q and %q", a.getenv("KAFKA_BROKERS"), b.getenv("KAFKA_BROKERS"))
	}
	env := strings.Join(a.environ(), "\n")
	for _, want := range []string{"KAFKA_BROKERS=k:1", proc.Mark(a.id), "APP_API_TOKEN="} {
		if !strings.Contains(env, want) {
			t.Errorf("environment lacks %s", want)
		}
	}
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	s := planned(t, Options{})
	for name, test := range map[string]struct {
		argv []string
		want string
	}{
		"service":          {[]string{s.program("user-service")}, "user-service"},
		"sidecar":          {[]string{"/x/daprd", "--log-level", "info", "--app-id", "user-service"}, "user-service-sidecar"},
		"stranger's":       {[]string{"/x/daprd", "--app-id", "other"}, ""},
		"cut short":        {[]string{"/x/daprd", "--app-id"}, ""},
		"shell before it":  {[]string{"sh", "-c", "exec", s.program("user-service")}, ""},
		"service's parent": {[]string{"dapr", "run", "-f", s.runFile()}, ""},
		"nothing":          {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := s.nameOf(test.argv); got != test.want {
				t.Errorf("nameOf(%q) = %q, want %q", test.argv, got, test.want)
			}
		})
	}
}

// poll ends with success, for good, at its limit, or with its context.
func TestPoll(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := errors.New("never")
	for name, test := range map[string]struct {
		ctx     context.Context
		timeout time.Duration
		f       func() error
		want    error
	}{
		"at once":  {t.Context(), time.Hour, func() error { return nil }, nil},
		"for good": {t.Context(), time.Hour, func() error { return final{never} }, never},
		"limit":    {t.Context(), time.Millisecond, func() error { return never }, never},
		"context":  {ctx, time.Hour, func() error { return never }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := poll(test.ctx, test.timeout, test.f); !errors.Is(err, test.want) {
				t.Errorf("poll = %v, want %v", err, test.want)
			}
		})
	}
}

func TestFindRoot(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o750); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	if got, err := FindRoot(); err == nil {
		t.Errorf("FindRoot = %s outside of a repository", got)
	}
	if err := os.WriteFile(filepath.Join(root, runfile.Name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := FindRoot(); got != root {
		t.Errorf("FindRoot = %s, %v; want %s", got, err, root)
	}
}
