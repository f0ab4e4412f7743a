package pods

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registration.example/cluster/kube"
)

// What the injector writes for every pod becomes one pod's own.
func TestArguments(t *testing.T) {
	t.Parallel()
	container := kube.Container{Name: sidecar, Args: strings.Fields("--dapr-http-port 3500 --dapr-grpc-port 50001 --dapr-internal-grpc-port 50002 " +
		"--dapr-listen-addresses [::1],127.0.0.1 --dapr-public-port 3501 --app-id approval-service --app-port 3100 --metrics-port 9090 " +
		"--control-plane-address dapr-api.dapr-system.svc.cluster.local:443 --sentry-address dapr-sentry.dapr-system.svc:443 " +
		"--app-max-concurrency 1 --enable-mtls")}
	want := strings.Fields("--dapr-http-port 26102 --dapr-grpc-port 26103 --dapr-internal-grpc-port 26104 " +
		"--dapr-listen-addresses 127.0.0.1 --dapr-public-port 26105 --app-id approval-service --app-port 26101 --metrics-port 26106 " +
		"--control-plane-address 127.0.0.1:2 --sentry-address 127.0.0.1:1 " +
		"--app-max-concurrency 1 --enable-mtls")
	got := arguments(container, newPorts(26100), addresses{sentry: "127.0.0.1:1", operator: "127.0.0.1:2"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if container.Args[1] != "3500" {
		t.Error("arguments changed the pod")
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	got := environment([]string{"PORT=8080", "APP_PORT=3100", "DAPR_HTTP_PORT=3500", "DAPR_GRPC_PORT=50001", "APPROVAL_DELAY=200ms"}, newPorts(26100))
	want := []string{"PORT=26100", "APP_PORT=26101", "DAPR_HTTP_PORT=26102", "DAPR_GRPC_PORT=26103", "APPROVAL_DELAY=200ms"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	for _, image := range []string{"registration/approval-service:dev", "registry.example:5000/r/approval-service:1.2.3", "approval-service"} {
		if got := program(kube.Container{Name: "app", Image: image}); got != "approval-service" {
			t.Errorf("program of %s = %q", image, got)
		}
	}
	if got := program(kube.Container{Name: sidecar, Image: "ghcr.io/dapr/daprd:1.16.5"}); got != sidecar {
		t.Errorf("program of the sidecar = %q", got)
	}
}

// The webhook lets pods pass when the injector does not answer; then nothing
// may run that looks like a pod with a sidecar.
func TestPodWithoutSidecar(t *testing.T) {
	t.Parallel()
	pod := kube.Pod{Spec: kube.PodSpec{Containers: []kube.Container{{Name: "approval-service"}}}}
	if id, err := appID(pod); err == nil {
		t.Errorf("appID = %q for a pod without a sidecar", id)
	}
	pod.Spec.Containers = append(pod.Spec.Containers, kube.Container{Name: sidecar, Args: []string{"--app-id", "approval-service"}})
	if id, err := appID(pod); err != nil || id != "approval-service" {
		t.Errorf("appID = %q, %v", id, err)
	}
}
