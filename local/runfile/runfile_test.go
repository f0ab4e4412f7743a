package runfile_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"registration.example/local/runfile"
)

var update = flag.Bool("update", false, "write the golden files")

// root stands for the repository's folder in golden files.
const root = "ROOT"

func readRepositorys(t *testing.T) (f runfile.File, dir string) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	f, err = runfile.Read(filepath.Join(dir, runfile.Name))
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// The run file that `make run` hands to the CLI, made from dapr.yaml.
func TestWithGolden(t *testing.T) {
	t.Parallel()
	command := func(app string) []string { return []string{"/bin/" + app} }
	for name, changes := range map[string]runfile.Changes{
		"embedded": {
			Resources: []string{"/c/shared", "/c/embedded"}, RuntimePath: "/dapr", Folder: "/data", Command: command,
		},
		"moved": {
			Resources: []string{"/c/shared"}, RuntimePath: "/dapr", Folder: "/data", Command: command,
			PortBase: 20000, Env: map[string]string{"APPROVAL_DELAY": "0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, dir := readRepositorys(t)
			written := filepath.Join(t.TempDir(), runfile.Name)
			if err := f.With(changes).Write(written); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(read(t, written), dir, root)
			golden := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(read(t, golden), got); diff != "" {
				t.Errorf("run file (-want +got):\n%s", diff)
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// With changes a copy: one file serves several systems.
func TestWithLeavesTheOriginal(t *testing.T) {
	t.Parallel()
	f, _ := readRepositorys(t)
	again, _ := readRepositorys(t)
	f.With(runfile.Changes{PortBase: 20000, Env: map[string]string{"A": "b"}, Command: func(string) []string { return nil }})
	if diff := cmp.Diff(again, f); diff != "" {
		t.Errorf("With changed the file (-want +got):\n%s", diff)
	}
}

// Two systems whose bases are PortRange apart share no port, and no system
// uses one twice or one that the operating system gives to clients.
func TestPorts(t *testing.T) {
	t.Parallel()
	const lowestOfClients = 32768
	f, _ := readRepositorys(t)
	seen := make(map[int]string)
	for _, base := range []int{0, 20000, 20000 + runfile.PortRange} {
		changed := f.With(runfile.Changes{PortBase: base, Command: func(string) []string { return nil }})
		ports := append(changed.Ports(), runfile.Port{Number: runfile.BrokerPort(base), For: "broker"})
		if want := 3*6 + 1; len(ports) != want {
			t.Errorf("base %d: %d ports, want %d", base, len(ports), want)
		}
		for _, p := range ports {
			if other, taken := seen[p.Number]; taken || p.Number <= 0 || p.Number >= lowestOfClients {
				t.Errorf("base %d: port %d of %s is no good; other user: %q", base, p.Number, p.For, other)
			}
			seen[p.Number] = p.For
		}
	}
}

// What only the approval-service may have, and the port of each service.
func TestRepositorysFile(t *testing.T) {
	t.Parallel()
	f, dir := readRepositorys(t)
	got := make(map[string]int)
	for _, a := range f.Apps {
		got[a.ID] = a.ClientPort()
		_, limited := a.MoreSettings["appMaxConcurrency"]
		if limited != (a.ID == "approval-service") {
			t.Errorf("%s: appMaxConcurrency set: %t", a.ID, limited)
		}
		if want := filepath.Join(dir, a.ID); a.Dir != want {
			t.Errorf("%s: folder %s, want %s", a.ID, a.Dir, want)
		}
	}
	want := map[string]int{"operation-service": 8080, "user-service": 8081, "approval-service": 8082}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("client ports (-want +got):\n%s", diff)
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), runfile.Name)
	if err := os.WriteFile(bad, []byte("apps: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{bad, filepath.Join(t.TempDir(), "absent.yaml")} {
		if _, err := runfile.Read(name); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Read(%s) = %v, want an error that names it", name, err)
		}
	}
}
