//go:build !linux

package kafka

import "syscall"

// childAttributes: a Ctrl-C at the terminal is this process's to handle. Only
// Linux can also tie the child's life to ours: elsewhere a kill -9 of this
// process leaves the broker running.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
