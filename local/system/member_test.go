package system

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"registration.example/local/proc"
)

// idle starts a process of the system that does nothing.
func idle(t *testing.T, s *System, name string) *proc.Process {
	t.Helper()
	if err := os.MkdirAll(s.path("log"), 0o750); err != nil {
		t.Fatal(err)
	}
	p, err := proc.Start(proc.Spec{
		Argv: []string{os.Args[0]}, Env: append(s.environ(), roleEnv+"=idle"), Dir: s.path("log"), Log: s.Log(name),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.add(name, p)
	return p
}

// A supervised process runs again within a second of its end, and its end is
// told; after Stop nothing runs again.
func TestSupervise(t *testing.T) {
	t.Parallel()
	var out output
	s := planned(t, Options{Out: &out, Supervise: true})
	first := idle(t, s, "user-service")
	s.supervise()
	killed := time.Now()
	if err := s.Kill("user-service", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := poll(t.Context(), 20*time.Second, func() error {
		if s.PID("user-service") == first.PID || !proc.Alive(s.PID("user-service")) {
			return errors.New("it does not run again")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(killed); took > time.Second {
		t.Errorf("it ran again after %s, want under a second", took)
	}
	second := s.PID("user-service")
	s.Stop()
	if proc.Alive(second) {
		t.Error("it runs after Stop")
	}
	for _, want := range []string{"user-service", strconv.Itoa(first.PID), strconv.Itoa(second)} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("told %q, want it to name %s", out.String(), want)
		}
	}
}

// Without supervision what is killed stays so until it is restarted.
func TestKillAndRestart(t *testing.T) {
	t.Parallel()
	s := planned(t, Options{})
	first := idle(t, s, "user-service")
	if err := s.Kill("user-service", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	if err := s.Kill("user-service", syscall.SIGKILL); err == nil {
		t.Error("Kill of what has ended succeeded")
	}
	for range 2 { // of one that has ended, and of one that runs
		before := s.PID("user-service")
		if err := s.Restart("user-service"); err != nil {
			t.Fatal(err)
		}
		if pid := s.PID("user-service"); pid == before || !proc.Alive(pid) || proc.Alive(before) {
			t.Errorf("process %d after %d", pid, before)
		}
	}
	if err := errors.Join(s.Restart("x"), s.Kill("x", syscall.SIGTERM)); err == nil || s.PID("x") != 0 {
		t.Error("a process that does not exist was restarted and killed")
	}
	s.Stop()
	if err := s.Restart("user-service"); !errors.Is(err, errStopped) {
		t.Errorf("Restart after Stop = %v, want errStopped", err)
	}
}

// A process that ends at its start is named, with the end of its log: one that
// was seen, and one that was gone before anybody saw it.
func TestFailedAtStart(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*testing.T, *System){
		"seen": func(t *testing.T, s *System) {
			t.Helper()
			idle(t, s, "user-service-sidecar").Stop(0)
		},
		"never seen": func(*testing.T, *System) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := planned(t, Options{})
			s.cli = idle(t, s, "dapr")
			log := s.path("data", "user-service", ".dapr", "logs", "user-service_daprd_20260102030405.log")
			content := strings.Repeat("old\n", 20) + "fatal: no broker\nThe daprd process exited with error code: 1\n"
			if err := errors.Join(os.MkdirAll(filepath.Dir(log), 0o750), os.WriteFile(log, []byte(content), 0o600)); err != nil {
				t.Fatal(err)
			}
			arrange(t, s)
			err := s.becomeReady(t.Context())
			if err == nil {
				t.Fatal("becomeReady succeeded")
			}
			for _, want := range []string{"user-service-sidecar ended", "fatal: no broker", log} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("becomeReady = %v, want it to say %q", err, want)
				}
			}
			if strings.Count(err.Error(), "old") > tailLines {
				t.Errorf("becomeReady shows too much: %v", err)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status     int
		body, want string
	}{
		"ready":     {http.StatusOK, `{"ready":true}`, ""},
		"not ready": {http.StatusServiceUnavailable, `{"parts":[{"name":"a","ok":true},{"name":"state","ok":false,"reason":"refused"}]}`, "state: refused"},
		"no JSON":   {http.StatusBadGateway, "x", "answers 502 Bad Gateway"},
		"no reason": {http.StatusServiceUnavailable, `{}`, "no reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			err := probe(t.Context(), server.URL)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("probe = %v, want %q", err, test.want)
			}
		})
	}
	if err := probe(t.Context(), "http://127.0.0.1:1"); err == nil {
		t.Error("probe of nobody succeeded")
	}
}
