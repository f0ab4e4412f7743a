package system

import (
	"maps"
	"os"
	"runtime"
	"strconv"
)

// Soft limits of memory: near them Go collects garbage more often. They keep a
// burst from growing a heap without end. A service has thousands of connections
// when it is overloaded: a limit that these alone exceed would have it collect
// garbage all the time.
const (
	sidecarMemory = "160MiB"
	serviceMemory = "320MiB"
)

// goRuntime is how Go runs sidecars, services and broker (docs/performance.md).
// Heaps are small: collected at every doubling, as by default, they cost a tenth
// of all CPU. Seven processes that each take all processors get in each other's
// way: half of them each is a seventh cheaper.
func goRuntime() map[string]string {
	return map[string]string{
		"GOGC":       "400",
		"GOMEMLIMIT": sidecarMemory,
		"GOMAXPROCS": strconv.Itoa(max(1, runtime.NumCPU()/2)),
	}
}

// unlessSet leaves out what the environment says already.
func unlessSet(variables map[string]string) map[string]string {
	maps.DeleteFunc(variables, func(name, _ string) bool { return os.Getenv(name) != "" })
	return variables
}

// merged gives both, the second before the first.
func merged(first, second map[string]string) map[string]string {
	maps.Copy(first, second)
	return first
}
