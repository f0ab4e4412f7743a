package pods

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"registration.example/cluster/kube"
)

// ports are those of one pod. In a pod every service has the same; on one
// machine each pod needs its own.
type ports struct {
	client, events, http, grpc, internal, public, metrics int
}

// portsPerPod is how many ports are kept for a pod.
const portsPerPod = 8

func newPorts(base int) ports {
	return ports{base, base + 1, base + 2, base + 3, base + 4, base + 5, base + 6}
}

// sidecar is the name of the container that the injector adds.
const sidecar = "daprd"

// addresses are where the sidecar's control plane is, instead of in the
// cluster's network.
type addresses struct {
	sentry, operator string
}

// arguments are those that the container has in the cluster, with the ports
// and addresses of this machine.
func arguments(container kube.Container, p ports, a addresses) []string {
	moved := map[string]string{
		"--dapr-http-port":          strconv.Itoa(p.http),
		"--dapr-grpc-port":          strconv.Itoa(p.grpc),
		"--dapr-internal-grpc-port": strconv.Itoa(p.internal),
		"--dapr-public-port":        strconv.Itoa(p.public),
		"--metrics-port":            strconv.Itoa(p.metrics),
		"--app-port":                strconv.Itoa(p.events),
		"--dapr-listen-addresses":   "127.0.0.1",
		"--sentry-address":          a.sentry,
		"--control-plane-address":   a.operator,
	}
	args := slices.Clone(container.Args)
	for i := range len(args) - 1 {
		if value, ok := moved[args[i]]; ok {
			args[i+1] = value
		}
	}
	return args
}

// environment is that of the container in the cluster, with the ports of this
// machine.
func environment(environ []string, p ports) []string {
	moved := map[string]int{"PORT": p.client, "APP_PORT": p.events, "DAPR_HTTP_PORT": p.http, "DAPR_GRPC_PORT": p.grpc}
	environ = slices.Clone(environ)
	for i, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if port, ok := moved[name]; ok {
			environ[i] = name + "=" + strconv.Itoa(port)
		}
	}
	return environ
}

// program is the name of the program in a container: that of its image.
func program(container kube.Container) string {
	if container.Name == sidecar {
		return sidecar
	}
	name, _, _ := strings.Cut(path.Base(container.Image), ":")
	return name
}

// appID is the name under which the sidecar knows the service.
func appID(pod kube.Pod) (string, error) {
	for _, c := range pod.Spec.Containers {
		if i := slices.Index(c.Args, "--app-id"); c.Name == sidecar && i >= 0 && i+1 < len(c.Args) {
			return c.Args[i+1], nil
		}
	}
	// The webhook lets pods pass when the injector does not answer: nothing else would tell.
	return "", fmt.Errorf("pod %s has no sidecar", pod.Metadata.Name)
}
