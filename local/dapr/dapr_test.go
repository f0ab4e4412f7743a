package dapr

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSupported(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ printed, want string }{
		"sidecar":               {"1.16.5\n", "1.16.5"},
		"CLI":                   {"CLI version: 1.17.0 \nRuntime version: n/a", "1.17.0"},
		"with v, a candidate":   {"v1.18.0-rc.1", "1.18.0-rc.1"},
		"too old":               {"1.15.9", ""},
		"much too old":          {"1.9.0", ""},
		"another major version": {"2.16.0", ""},
		"built without version": {"edge\n", ""},
		"nothing":               {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := supported(test.printed)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("supported(%q) = %q, %v; want %q", test.printed, got, err, test.want)
			}
		})
	}
}

// script writes a program that prints something.
func script(t *testing.T, path, prints string) {
	t.Helper()
	content := "#!/bin/sh\necho '" + prints + "'\n"
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, 0o700)); err != nil {
		t.Fatal(err)
	}
}

// What `dapr init` leaves: the CLI on the PATH, daprd below the home folder.
func TestInstalled(t *testing.T) {
	for name, test := range map[string]struct{ cli, daprd, want, fails string }{
		"fits":               {"CLI version: 1.16.0", "1.17.2", "1.17.2", ""},
		"old sidecar":        {"CLI version: 1.16.0", "1.15.0", "", "1.15.0"},
		"old CLI":            {"CLI version: 1.14.0", "1.16.0", "", "1.14.0"},
		"CLI without daprd":  {"CLI version: 1.16.0", "", "", "daprd"},
		"no CLI, but daprd":  {"", "1.16.0", "", "dapr"},
		"nothing at all":     {"", "", "", "dapr"},
		"CLI of a source":    {"CLI version: edge", "1.16.0", "", "no version"},
		"daprd of a source":  {"CLI version: 1.16.0", "edge", "", "no version"},
		"newest of the line": {"CLI version: 1.99.0", "1.99.0", "1.99.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bin, home := t.TempDir(), t.TempDir()
			t.Setenv("PATH", bin+":/bin:/usr/bin")
			t.Setenv("HOME", home)
			t.Setenv("DAPR_RUNTIME_PATH", "")
			if _, err := exec.LookPath("dapr"); err == nil {
				t.Skip("a Dapr is installed among the system's programs")
			}
			if test.cli != "" {
				script(t, filepath.Join(bin, "dapr"), test.cli)
			}
			if test.daprd != "" {
				script(t, filepath.Join(home, ".dapr", "bin", "daprd"), test.daprd)
			}
			got, err := Installed(t.Context())
			if got.Version != test.want && err == nil {
				t.Errorf("Installed = %+v, want version %q", got, test.want)
			}
			if test.want == "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("Installed = %v, want an error with %q", err, test.fails)
			}
			if test.want != "" && err != nil {
				t.Error(err)
			}
		})
	}
}

// tree is a repository with a tools module, and the folder of a build.
func tree(t *testing.T) Options {
	t.Helper()
	root := t.TempDir()
	tools := filepath.Join(root, "tools")
	err := errors.Join(
		os.Mkdir(tools, 0o750),
		os.WriteFile(filepath.Join(tools, "go.mod"), []byte("module tools\n\ngo 1.26\n"), 0o600),
		os.WriteFile(filepath.Join(tools, "go.sum"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Root: root, Folder: filepath.Join(root, "work", "dapr"), Out: io.Discard}
}

// A finished build is taken again until what it was made from changes.
func TestBuiltOnce(t *testing.T) {
	t.Parallel()
	o := tree(t)
	if d, ok := built(o); ok {
		t.Errorf("built = %+v before any build", d)
	}
	unfinished := o.Folder + ".unfinished"
	if err := os.MkdirAll(unfinished, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := finish(o, unfinished, "1.16.5"); err != nil {
		t.Fatal(err)
	}
	want := Dapr{CLI: filepath.Join(o.Folder, "dapr"), RuntimePath: o.Folder, Version: "1.16.5"}
	got, ok := built(o)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("built (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(unfinished); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished folder is still there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(o.Root, "tools", "go.sum"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, ok := built(o); ok {
		t.Errorf("built = %+v after a change of go.sum", d)
	}
}

// A build that fails leaves no stamp, says why, and the next may try again.
func TestBuildFails(t *testing.T) {
	t.Parallel()
	o := tree(t)
	for range 2 {
		_, err := build(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), runtimeModule) {
			t.Fatalf("build = %v, want an error that names %s", err, runtimeModule)
		}
		if d, ok := built(o); ok {
			t.Errorf("built = %+v after a failure", d)
		}
	}
}

// Of two builds at once one waits for the other.
func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		unlock, err := lock(path)
		if err == nil {
			unlock()
		}
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("the lock was taken twice: %v", err)
	default:
	}
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := &progress{out: &out, now: func() time.Time { return now }, started: now, shown: now}
	p.compiling("daprd", 40)
	for line, want := range map[string]bool{
		"go: downloading github.com/a/b v1.0.0":        true,
		"github.com/a/b-c.d/v2":                        true,
		"unicode/utf8":                                 true,
		"# github.com/a/b":                             false,
		"../x.go:3:4: undefined: y":                    false,
		"go: github.com/a/b@v1: not found in registry": false,
	} {
		if got := p.line(line); got != want {
			t.Errorf("line(%q) = %t, want %t", line, got, want)
		}
	}
	now = now.Add(11 * time.Second)
	p.line("a/b")
	p.line("a/c")
	p.done()
	want := "  packages compiled for daprd: 0 of at most 40, 0s\n  packages compiled for daprd: 4 of at most 40, 11s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

// A program that fails is quoted without its lines of progress.
func TestWatch(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(context.Background(), "sh", "-c", "echo a/b >&2; echo '# a/b' >&2; echo 'x.go:1:2: wrong' >&2; exit 3")
	err := watch(cmd, newProgress(io.Discard))
	if diff := cmp.Diff("exit status 3: # a/b\nx.go:1:2: wrong", err.Error()); diff != "" {
		t.Errorf("watch (-want +got):\n%s", diff)
	}
}
