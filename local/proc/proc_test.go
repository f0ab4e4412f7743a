package proc_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"registration.example/local/proc"
)

// roleEnv makes this test binary something else than tests.
const roleEnv = "PROC_TEST_ROLE"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == proc.GuardCommand {
		proc.RunGuard(os.Stdin, os.Args[2])
		return
	}
	switch os.Getenv(roleEnv) {
	case "launcher":
		launcher()
	case "parent":
		parent()
	case "sleeper":
		select {}
	default:
		os.Exit(m.Run())
	}
}

// launcher starts a guard and a parent, which has a child of its own, and says
// what it started.
func launcher() {
	system := os.Args[1]
	guard, err := proc.StartGuard(os.Args[0], system)
	if err != nil {
		panic(err)
	}
	defer func() { _ = guard.Release() }()
	p, err := proc.Start(proc.Spec{
		Argv: []string{os.Args[0]}, Dir: ".", Log: os.Args[2],
		Env: append(os.Environ(), proc.Mark(system), roleEnv+"=parent"),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(p.PID)
	select {}
}

// parent has a child in a process group of its own.
func parent() {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"=sleeper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	fmt.Println(cmd.Process.Pid)
	select {}
}

// sleeper is a process that does nothing.
func sleeper(t *testing.T, system string) proc.Spec {
	t.Helper()
	dir := t.TempDir()
	return proc.Spec{
		Argv: []string{os.Args[0], "-an", "argument with blanks", ""},
		Env:  []string{roleEnv + "=sleeper", proc.Mark(system), "X=a b"},
		Dir:  dir,
		Log:  filepath.Join(dir, "log"),
	}
}

func start(t *testing.T, s proc.Spec) *proc.Process {
	t.Helper()
	p, err := proc.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop(0) })
	return p
}

// eventually waits for something that another process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-limit.C:
			t.Fatalf("not within 20 s: %s", what)
		case <-tick.C:
		}
	}
}

// However its launcher ends, nothing of a system is left: here it is killed,
// with a process that it started and one that it never heard of.
func TestGuardKillsWhatIsLeft(t *testing.T) {
	t.Parallel()
	system := "guard-" + strconv.Itoa(os.Getpid())
	log := filepath.Join(t.TempDir(), "log")
	cmd := exec.CommandContext(t.Context(), os.Args[0], system, log)
	cmd.Env = append(os.Environ(), roleEnv+"=launcher")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	grandchild := 0
	eventually(t, "the grandchild's id in the log", func() bool {
		content, _ := os.ReadFile(log)
		grandchild, err = strconv.Atoi(strings.TrimSpace(string(content)))
		return err == nil
	})
	other := start(t, sleeper(t, "another system"))

	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for name, pid := range map[string]int{"child": child, "grandchild": grandchild} {
		eventually(t, name+" is gone", func() bool { return !proc.Alive(pid) })
	}
	if !proc.Alive(other.PID) {
		t.Error("the guard killed another system's process")
	}
}

func TestGuardReleased(t *testing.T) {
	t.Parallel()
	const system = "released"
	p := start(t, sleeper(t, system))
	guard, err := proc.StartGuard(os.Args[0], system)
	if err != nil {
		t.Fatal(err)
	}
	if err := guard.Release(); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if left := proc.Marked(system); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// A process of another program starts again just as it was started.
func TestAdoptAndStartAgain(t *testing.T) {
	t.Parallel()
	want := sleeper(t, "adopted")
	original := start(t, want)
	eventually(t, "the process is what it was told to be", func() bool {
		adopted, err := proc.Adopt(original.PID, want.Log)
		return err == nil && cmp.Equal(want, adopted.Spec)
	})
	adopted, err := proc.Adopt(original.PID, want.Log)
	if err != nil {
		t.Fatal(err)
	}
	if err := adopted.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-adopted.Done()
	again := start(t, adopted.Spec)
	if !proc.Alive(again.PID) {
		t.Error("the process does not run again")
	}
}

func TestAdoptOfNobody(t *testing.T) {
	t.Parallel()
	p := start(t, sleeper(t, "nobody"))
	p.Stop(0)
	if _, err := proc.Adopt(p.PID, ""); err == nil {
		t.Error("Adopt of a process that has ended succeeded")
	}
	if err := p.Signal(syscall.SIGTERM); err == nil {
		t.Error("Signal to a process that has ended succeeded")
	}
}

// A process that nobody has asked about after its end is not alive.
func TestAliveOfZombie(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the zombie counts as ended", func() bool { return !proc.Alive(cmd.Process.Pid) })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*proc.Spec){
		"no program": func(s *proc.Spec) { s.Argv = []string{"/absent/program"} },
		"no folder":  func(s *proc.Spec) { s.Dir = "/absent" },
		"no log":     func(s *proc.Spec) { s.Log = "/absent/log" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sleeper(t, "fails")
			change(&s)
			if p, err := proc.Start(s); err == nil {
				p.Stop(0)
				t.Error("Start succeeded")
			}
		})
	}
}

// Output of the process that is started again comes behind that of the first.
func TestLogIsAppended(t *testing.T) {
	t.Parallel()
	s := proc.Spec{Argv: []string{"/bin/sh", "-c", "echo out; echo err >&2"}, Dir: t.TempDir()}
	s.Log = filepath.Join(s.Dir, "log")
	for range 2 {
		p, err := proc.Start(s)
		if err != nil {
			t.Fatal(err)
		}
		<-p.Done()
	}
	content, err := os.ReadFile(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("out\nerr\nout\nerr\n", string(content)); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// A process that does not heed SIGTERM is killed.
func TestStopKills(t *testing.T) {
	t.Parallel()
	s := proc.Spec{Argv: []string{"/bin/sh", "-c", `trap "" TERM; echo ready; while :; do sleep 1; done`}, Dir: t.TempDir()}
	s.Log = filepath.Join(s.Dir, "log")
	s.Env = append(os.Environ(), proc.Mark("stop-kills"))
	p := start(t, s)
	t.Cleanup(func() { proc.KillMarked("stop-kills") })
	eventually(t, "the trap is set", func() bool {
		content, _ := os.ReadFile(s.Log)
		return string(content) == "ready\n"
	})
	p.Stop(time.Millisecond)
	if proc.Alive(p.PID) {
		t.Error("the process is still there")
	}
}
