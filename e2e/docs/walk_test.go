//go:build docs

package docs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/local/runfile"
	"registration.example/local/system"
)

const (
	// startTime is how long a system may take, building included.
	startTime = 10 * time.Minute
	// stopTime is how long it may take to end.
	stopTime = 30 * time.Second
)

// TestCommands does what the documents say, as a reader would.
func TestCommands(t *testing.T) {
	for _, document := range documents(t) {
		t.Run(document, func(t *testing.T) {
			r := newReader(t)
			for _, b := range parsed(t, document) {
				t.Run(fmt.Sprintf("line %d", b.line), func(t *testing.T) { r.do(t, b) })
			}
			r.stop(t)
		})
	}
}

// reader follows a document in a copy of the repository. Its system has other
// ports than the document says, so that it can be beside another.
type reader struct {
	folder   string
	env      []string
	targets  []string          // env that names the running system
	there    *strings.Replacer // from the document's addresses to the copy's
	back     *strings.Replacer
	running  *exec.Cmd
	printed  string // the file with what running prints
	finished chan error
}

func newReader(t *testing.T) *reader {
	t.Helper()
	base, err := system.FreePortBase()
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{folder: clone(t)}
	var there, back []string
	pair := func(documented, actual string) {
		there, back = append(there, documented, actual), append(back, actual, documented)
	}
	pair("/home/me/registration", r.folder)
	pair("127.0.0.1:9092", fmt.Sprintf("127.0.0.1:%d", runfile.BrokerPort(base)))
	for app := range 3 {
		pair(fmt.Sprintf("localhost:%d", 8080+app), fmt.Sprintf("localhost:%d", base+app))
	}
	r.there, r.back = strings.NewReplacer(there...), strings.NewReplacer(back...)
	ofMake := func(entry string) bool {
		return strings.HasPrefix(entry, "MAKE") || strings.HasPrefix(entry, "MFLAGS=")
	}
	r.env = append(slices.DeleteFunc(os.Environ(), ofMake), fmt.Sprintf("PORT_BASE=%d", base))
	r.targets = []string{
		fmt.Sprintf("KAFKA_BROKERS=127.0.0.1:%d", runfile.BrokerPort(base)),
		fmt.Sprintf("TARGET=http://localhost:%d", base), fmt.Sprintf("USERS_TARGET=http://localhost:%d", base+1),
	}
	return r
}

// clone copies what git knows, and the Dapr that was built, to save its build.
func clone(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "registration")
	for _, name := range listed(t) {
		target := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, []byte(read(t, name)), info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	dapr, err := filepath.Abs(filepath.Join(root, ".local", "dapr"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dapr); err != nil {
		return folder
	}
	if err := os.Mkdir(filepath.Join(folder, ".local"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dapr, filepath.Join(folder, ".local", "dapr")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// do does what a block says.
func (r *reader) do(t *testing.T, b block) {
	if b.options["needs"] == "docker" {
		if exec.Command("docker", "info").Run() != nil {
			t.Skip("needs Docker")
		}
		r.useBuiltDapr()
	}
	_, elsewhere := b.options["in"]
	switch {
	case elsewhere:
		t.Skipf("is run by %s", b.options["in"])
	case b.kind == "text" && b.options["printed"] != "":
		r.wantPrinted(t, b.text)
	case b.kind == "sh" && b.options["until"] != "":
		r.stop(t)
		r.start(t, b)
	case b.kind == "sh":
		r.run(t, b)
	default:
		t.SkipNow()
	}
}

// useBuiltDapr puts the Dapr that was built where an installed one would be, if
// there is none.
func (r *reader) useBuiltDapr() {
	if _, err := exec.LookPath("dapr"); err == nil {
		return
	}
	built := filepath.Join(r.folder, ".local", "dapr")
	r.env = append(r.env, "DAPR_RUNTIME_PATH="+built, "PATH="+built+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func (r *reader) command(script string, out io.Writer) *exec.Cmd {
	cmd := exec.Command("sh", "-euc", r.there.Replace(script))
	cmd.Dir, cmd.Env, cmd.Stdout = r.folder, r.env, out
	if r.running != nil {
		cmd.Env = slices.Concat(r.env, r.targets)
	}
	return cmd
}

// run runs commands to their end.
func (r *reader) run(t *testing.T, b block) {
	var stdout, stderr bytes.Buffer
	cmd := r.command(b.text, &stdout)
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &stdout, &stderr)
	}
	if b.output == nil || b.options["output"] == "differs" {
		return
	}
	if diff := cmp.Diff(normal(*b.output), normal(r.back.Replace(stdout.String()))); diff != "" {
		t.Errorf("output (-documented +got):\n%s", diff)
	}
}

// start leaves a command running when it has printed what is waited for.
func (r *reader) start(t *testing.T, b block) {
	file, err := os.Create(filepath.Join(filepath.Dir(r.folder), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := r.command("exec "+b.text, file)
	cmd.Stderr = file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as in a terminal: Ctrl-C is for the group
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.running, r.printed, r.finished = cmd, file.Name(), make(chan error, 1)
	go func() { r.finished <- cmd.Wait() }()
	r.await(t, startTime, func() bool { return strings.Contains(r.output(t), b.options["until"]) })
}

func (r *reader) output(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(r.printed)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// await polls what the running command prints.
func (r *reader) await(t *testing.T, limit time.Duration, found func() bool) {
	t.Helper()
	timeout := time.After(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !found() {
		select {
		case err := <-r.finished:
			r.running = nil
			t.Fatalf("it ended: %v\n%s", err, r.output(t))
		case <-timeout:
			t.Fatalf("not printed within %s; got\n%s", limit, r.output(t))
		case <-tick.C:
		}
	}
}

// wantPrinted waits until the running command has printed every line of text.
func (r *reader) wantPrinted(t *testing.T, text string) {
	if r.running == nil {
		t.Skip("it does not run")
	}
	for line := range strings.Lines(normal(text)) {
		r.await(t, stopTime, func() bool {
			return strings.Contains("\n"+normal(r.back.Replace(r.output(t))), "\n"+line)
		})
	}
}

// stop is Ctrl-C. Nothing of the command may be left.
func (r *reader) stop(t *testing.T) {
	t.Helper()
	if r.running == nil {
		return
	}
	group := -r.running.Process.Pid
	_ = syscall.Kill(group, syscall.SIGINT)
	select {
	case <-r.finished:
	case <-time.After(stopTime):
		t.Errorf("it runs %s after Ctrl-C:\n%s", stopTime, r.output(t))
	}
	if syscall.Kill(group, syscall.SIGKILL) == nil {
		t.Error("processes were left")
	}
	r.running = nil
}

// differs is what differs from run to run, with what stands for it.
var differs = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`), "TIME"},
	{regexp.MustCompile(`(?m)^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}`), "TIME"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`Idempotency-Key: [A-Z2-7]{8}\b`), "Idempotency-Key: KEY"},
	{regexp.MustCompile(`"[0-9a-f]{16}"`), "ETAG"},
	{regexp.MustCompile(`(?m)^(Date|Content-Length): .*$`), "$1"},
	{regexp.MustCompile(`(?m)^Dapr [0-9].*$`), "Dapr"},
	{regexp.MustCompile(`\r`), ""},
}

func normal(text string) string {
	for _, d := range differs {
		text = d.pattern.ReplaceAllString(text, d.instead)
	}
	return text
}
