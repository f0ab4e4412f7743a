package kafka

import "syscall"

// childAttributes: the kernel ends the child with this process, and a Ctrl-C at
// the terminal is this process's to handle.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
