package system

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registration.example/local/proc"
)

func TestMovedSpec(t *testing.T) {
	t.Parallel()
	spec := proc.Spec{
		Argv: []string{"/bin/daprd", "--app-port", "3101", "--dapr-http-port=3501", "--app-id", "user-service", "--max", "8081"},
		Env:  []string{"PORT=8081", "APP_PORT=3101", "KAFKA_BROKERS=127.0.0.1:3101", "OPTION=a=3501", "HOME=/root", "EMPTY=", "3101"},
		Dir:  "/data", Log: "/log",
	}
	want := proc.Spec{
		Argv: []string{"/bin/daprd", "--app-port", "3104", "--dapr-http-port=3504", "--app-id", "user-service", "--max", "8081"},
		Env:  []string{"PORT=8081", "APP_PORT=3104", "KAFKA_BROKERS=127.0.0.1:3101", "OPTION=a=3504", "HOME=/root", "EMPTY=", "3104"},
		Dir:  "/data", Log: "/log",
	}
	before := strings.Join(spec.Env, " ")
	if diff := cmp.Diff(want, movedSpec(spec, []int{3101, 3501}, 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Join(spec.Env, " ") != before {
		t.Error("the first one's start changed")
	}
}

// Replicas have names, ports and logs of their own; eleven more than the first fit.
func TestReplicas(t *testing.T) {
	t.Parallel()
	s := planned(t, Options{PortBase: 20000})
	log := s.path("data", "user-service", ".dapr", "logs", "user-service_daprd_20260102030405.log")
	if err := errors.Join(os.MkdirAll(filepath.Dir(log), 0o750), os.WriteFile(log, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	idle(t, s, "user-service")
	idle(t, s, "user-service"+SidecarSuffix)
	for i := 2; i <= maxReplicas; i++ {
		want := fmt.Sprintf("user-service-%d", i)
		name, err := s.AddReplica("user-service")
		if err != nil || name != want {
			t.Fatalf("AddReplica = %q, %v; want %q", name, err, want)
		}
		if !s.Running(name) || !s.Running(name+SidecarSuffix) {
			t.Errorf("%s does not run", name)
		}
	}
	if _, err := s.AddReplica("user-service"); err == nil {
		t.Error("a thirteenth one was added")
	}
	if _, err := s.AddReplica("approval-service"); err == nil {
		t.Error("a replica of what does not run was added")
	}
	urls := []string{s.URL("user-service"), s.URL("user-service-2"), s.URL("user-service-3")}
	if diff := cmp.Diff([]string{"http://localhost:20001", "http://localhost:20004", "http://localhost:20007"}, urls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range []string{"user-service-2", "user-service-2" + SidecarSuffix} {
		if want := s.path("log", name+".log"); s.Log(name) != want {
			t.Errorf("log of %s is %q, want %q", name, s.Log(name), want)
		}
	}
	if err := s.Kill("user-service-3", syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= maxReplicas; i++ {
		s.RemoveReplica(fmt.Sprintf("user-service-%d", i))
	}
	if diff := cmp.Diff([]string{"user-service", "user-service" + SidecarSuffix}, s.Processes()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if name, err := s.AddReplica("user-service"); name != "user-service-2" {
		t.Errorf("AddReplica = %q, %v after all are gone", name, err)
	}
}
