package runfile

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
)

// Changes turn the repository's run file into that of one machine's system.
type Changes struct {
	// Resources replace the component folders.
	Resources []string
	// RuntimePath is the folder whose .dapr/bin holds daprd.
	RuntimePath string
	// Folder gets a subfolder for each app: the working folder of app and
	// sidecar, where SQLite files and the CLI's logs are.
	Folder string
	// PortBase moves all ports, see Ports; 0 leaves them.
	PortBase int
	// Env is for the apps, beside what the file gives them.
	Env map[string]string
	// Profiling gives each service and sidecar a port for its Go profiles; it
	// needs a PortBase.
	Profiling bool
	// Command says how an app is started.
	Command func(app string) []string
}

// Distances of the ports from PortBase; apps follow each other, and replicas
// follow the apps.
const (
	clientPorts = 40 * iota
	appPorts
	httpPorts
	grpcPorts
	internalPorts
	metricsPorts
	serviceProfilePorts
	sidecarProfilePorts
	brokerPort
	// PortRange is how many ports a system takes from its PortBase on.
	PortRange
)

// BrokerPort is the embedded broker's port of a system with that base.
func BrokerPort(base int) int {
	if base == 0 {
		return 9092
	}
	return base + brokerPort
}

// With gives a changed copy.
func (f File) With(c Changes) File {
	f.Common.Resources = c.Resources
	f.Common.RuntimePath = c.RuntimePath
	f.Common.AppLog, f.Common.DaprdLog = "file", "file"
	f.Apps = slices.Clone(f.Apps)
	for i := range f.Apps {
		f.Apps[i] = f.Apps[i].with(c, i)
	}
	return f
}

func (a App) with(c Changes, i int) App {
	a.Dir = filepath.Join(c.Folder, a.ID)
	env := map[string]string{}
	maps.Copy(env, a.Env)
	maps.Copy(env, c.Env)
	a.Env = env
	a.Command = c.Command(a.ID)
	if c.PortBase == 0 {
		return a
	}
	base := c.PortBase + i
	a.Env[portVariable] = strconv.Itoa(base + clientPorts)
	a.AppPort = base + appPorts
	a.HTTPPort = base + httpPorts
	a.GRPCPort = base + grpcPorts
	a.InternalPort = base + internalPorts
	a.MetricsPort = base + metricsPorts
	if c.Profiling {
		a.Env[profileVariable] = strconv.Itoa(base + serviceProfilePorts)
		a.EnableProfiling, a.ProfilePort = true, base+sidecarProfilePorts
	}
	return a
}

// Port is a port that a system listens on.
type Port struct {
	Number int
	// For names who listens, and Setting where the number comes from.
	For, Setting string
}

// Ports lists all ports of the apps and their sidecars.
func (f File) Ports() []Port {
	var ports []Port
	for _, a := range f.Apps {
		ports = append(ports,
			Port{a.ClientPort(), a.ID + " (clients)", "env.PORT"},
			Port{a.AppPort, a.ID + " (events)", "appPort"},
			Port{a.HTTPPort, a.ID + "'s sidecar (HTTP)", "daprHTTPPort"},
			Port{a.GRPCPort, a.ID + "'s sidecar (gRPC)", "daprGRPCPort"},
			Port{a.InternalPort, a.ID + "'s sidecar (other sidecars)", "daprInternalGRPCPort"},
			Port{a.MetricsPort, a.ID + "'s sidecar (metrics)", "metricsPort"})
	}
	return ports
}
