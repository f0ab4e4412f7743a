package proc

import (
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// markVariable marks all processes of one system: each inherits it from what
// started it, so that none is missed, whoever started it and whenever.
const markVariable = "REGISTRATION_SYSTEM"

// Mark is the environment entry that marks a process as the system's.
func Mark(system string) string { return markVariable + "=" + system }

// Marked finds the living processes of a system, this process apart.
func Marked(system string) []int {
	pids, err := process.Pids()
	if err != nil {
		return nil
	}
	var found []int
	for _, pid := range pids {
		if int(pid) == os.Getpid() {
			continue
		}
		env, err := (&process.Process{Pid: pid}).Environ()
		if err == nil && slices.Contains(env, Mark(system)) && Alive(int(pid)) {
			found = append(found, int(pid))
		}
	}
	return found
}

// KillMarked kills the processes of a system until there are none.
func KillMarked(system string) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		pids := Marked(system)
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		<-tick.C
	}
}
