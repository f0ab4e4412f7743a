// Package proc starts, adopts and ends processes: those that this program
// starts, and those that the Dapr CLI starts for it.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// pollInterval is how soon the end of another program's child is seen.
const pollInterval = 50 * time.Millisecond

// Spec is all it takes to start a process again.
type Spec struct {
	// Argv is the program's path and its arguments.
	Argv []string
	// Env is its whole environment.
	Env []string
	// Dir is its working folder.
	Dir string
	// Log is the file that its output is appended to.
	Log string
}

// Process is one process from its start to its end.
type Process struct {
	PID  int
	Spec Spec
	done chan struct{}
}

// Start starts a process in a process group of its own, so that a Ctrl-C meant
// for this program does not reach it.
func Start(s Spec) (*Process, error) {
	log, err := os.OpenFile(s.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Argv[0], err)
	}
	defer func() { _ = log.Close() }()
	cmd := &exec.Cmd{
		Path: s.Argv[0], Args: s.Argv, Env: s.Env, Dir: s.Dir, Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Argv[0], err)
	}
	p := &Process{PID: cmd.Process.Pid, Spec: s, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Adopt takes over a process that another program started: it reads how it was
// started, and watches for its end. Its log file cannot be read off it.
func Adopt(pid int, log string) (*Process, error) {
	s, err := specOf(pid)
	if err != nil {
		return nil, fmt.Errorf("read how process %d was started: %w", pid, err)
	}
	s.Log = log
	p := &Process{PID: pid, Spec: s, done: make(chan struct{})}
	go p.watch()
	return p, nil
}

func specOf(pid int) (Spec, error) {
	ps := &process.Process{Pid: int32(pid)}
	argv, argvErr := Argv(pid)
	env, envErr := ps.Environ()
	dir, dirErr := ps.Cwd()
	if err := errors.Join(argvErr, envErr, dirErr); err != nil {
		return Spec{}, err
	}
	if len(argv) == 0 {
		return Spec{}, os.ErrProcessDone
	}
	env = slices.DeleteFunc(env, func(entry string) bool { return entry == "" })
	return Spec{Argv: argv, Env: env, Dir: dir}, nil
}

// Argv reads a process's program and arguments. Where there is /proc it is
// read here: gopsutil drops empty arguments at the end.
func Argv(pid int) ([]string, error) {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return (&process.Process{Pid: int32(pid)}).CmdlineSlice()
	}
	if len(content) == 0 {
		return nil, os.ErrProcessDone
	}
	return strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00"), nil
}

func (p *Process) watch() {
	defer close(p.done)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for Alive(p.PID) {
		<-tick.C
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal; to a process that has ended it is an error.
func (p *Process) Signal(s syscall.Signal) error {
	select {
	case <-p.done:
		return fmt.Errorf("signal process %d: %w", p.PID, os.ErrProcessDone)
	default:
	}
	if err := syscall.Kill(p.PID, s); err != nil {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// Stop asks a process to end, kills it if it takes longer than grace, and
// returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	_ = p.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(grace, func() { _ = p.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	<-p.done
}

// Alive says whether a process runs. One that has ended and whose parent has
// not asked about it does not: in a container without an init process nobody
// ever does.
func Alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return errors.Is(err, syscall.EPERM)
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, state, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	return !found || len(state) == 0 || state[0] != 'Z'
}
