package proc

import (
	"fmt"
	"io"
	"os/exec"
	"os/signal"
	"syscall"
)

// GuardCommand is the subcommand of the program that StartGuard is given; its
// one argument is the system.
const GuardCommand = "guard"

// Guard is a process that outlives this one, to end what it leaves behind.
type Guard struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// StartGuard starts it. The guard waits for the end of a pipe whose other end
// only this process holds: the kernel closes it however this process ends.
func StartGuard(program, system string) (*Guard, error) {
	cmd := exec.Command(program, GuardCommand, system)
	// A session of its own: no terminal's signal reaches it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start guard: %w", err)
	}
	return &Guard{cmd: cmd, pipe: pipe}, nil
}

// Release lets the guard do its work now, and returns when it has.
func (g *Guard) Release() error {
	_ = g.pipe.Close()
	if err := g.cmd.Wait(); err != nil {
		return fmt.Errorf("guard: %w", err)
	}
	return nil
}

// RunGuard is the guard: it reads in to its end, then kills what is left.
func RunGuard(in io.Reader, system string) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	_, _ = io.Copy(io.Discard, in)
	KillMarked(system)
}
