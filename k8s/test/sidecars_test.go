package test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dapr/dapr/pkg/injector/patcher"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"registration.example/k8s/test/injector"
	"registration.example/k8s/test/manifests"
)

// admitted gives the pods of all Deployments as they run, by name of the Deployment.
func admitted(t *testing.T, objects manifests.Objects) map[string]*corev1.Pod {
	t.Helper()
	settings, err := injector.ReadSettings("../platform/values/dapr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]*corev1.Pod{}
	for _, deployment := range objects.Kind("Deployment") {
		pod, err := injector.Pod(deployment)
		if err != nil {
			t.Fatal(err)
		}
		if pods[deployment.GetName()], err = settings.Inject(pod); err != nil {
			t.Fatal(err)
		}
	}
	return pods
}

// TestInjectedSidecars holds the command line of every sidecar.
func TestInjectedSidecars(t *testing.T) {
	t.Parallel()
	common := []string{
		"/daprd",
		"--dapr-http-port", "3500",
		"--dapr-grpc-port", "50001",
		"--dapr-internal-grpc-port", "50002",
		// Nobody but the pod itself reaches the API.
		"--dapr-listen-addresses", "[::1],127.0.0.1",
		"--dapr-public-port", "3501",
		"--app-id", "APP",
		"--app-protocol", "http",
		"--log-level", "info",
		"--dapr-graceful-shutdown-seconds", "10",
		"--mode", "kubernetes",
		"--control-plane-address", "dapr-api.dapr-system.svc.cluster.local:443",
		"--sentry-address", "dapr-sentry.dapr-system.svc.cluster.local:443",
		"--app-port", "3100",
		"--enable-metrics", "--metrics-port", "9090",
		"--config", "registration",
		"--disable-builtin-k8s-secret-store",
		"--log-as-json",
		"--enable-mtls",
	}
	pods := admitted(t, overlay(t, "aks"))
	for app, own := range map[string][]string{
		"operation-service": {"--max-body-size", "16Mi", "--dapr-block-shutdown-duration", "15s"},
		"user-service":      {"--max-body-size", "16Mi", "--dapr-block-shutdown-duration", "15s"},
		// One delivery at a time, or replicas would add nothing.
		"approval-service": {"--app-max-concurrency", "1", "--max-body-size", "16Mi", "--dapr-block-shutdown-duration", "5s"},
	} {
		sidecar := injector.Sidecar(pods[app])
		if sidecar == nil {
			t.Errorf("%s has no sidecar", app)
			continue
		}
		want := append([]string{}, common...)
		for i := range want {
			want[i] = strings.ReplaceAll(want[i], "APP", app)
		}
		if diff := cmp.Diff(append(want, own...), sidecar.Args); diff != "" {
			t.Errorf("sidecar of %s (-want +got):\n%s", app, diff)
		}
		checkResources(t, app, sidecar)
		checkTokens(t, app, pods[app], sidecar)
	}
}

func checkResources(t *testing.T, app string, sidecar *corev1.Container) {
	t.Helper()
	resources := sidecar.Resources
	if resources.Requests.Cpu().IsZero() || resources.Requests.Memory().IsZero() || resources.Limits.Memory().IsZero() {
		t.Errorf("%s: the sidecar's requests and memory limit are %v, %v", app, resources.Requests, resources.Limits)
	}
	if !resources.Limits.Cpu().IsZero() {
		t.Errorf("%s: the sidecar has a CPU limit", app)
	}
}

// checkTokens: service and sidecar each have both tokens, from the same Secrets,
// and no other service's.
func checkTokens(t *testing.T, app string, pod *corev1.Pod, sidecar *corev1.Container) {
	t.Helper()
	for name, secret := range map[string]string{"APP_API_TOKEN": app + "-app-token", "DAPR_API_TOKEN": app + "-api-token"} {
		for _, container := range []*corev1.Container{&pod.Spec.Containers[0], sidecar} {
			if got := secretOf(container, name); got != secret+"/token" {
				t.Errorf("%s: %s of %s comes from %q, want %s/token", app, name, container.Name, got, secret)
			}
		}
	}
}

func secretOf(container *corev1.Container, variable string) string {
	for _, env := range container.Env {
		if env.Name == variable && env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			return env.ValueFrom.SecretKeyRef.Name + "/" + env.ValueFrom.SecretKeyRef.Key
		}
	}
	return ""
}

// TestEveryDaprAnnotationIsKnown: the injector passes over an annotation that it
// does not know, in silence.
func TestEveryDaprAnnotationIsKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[patcher.SidecarConfig]()) {
		known[field.Tag.Get("annotation")] = true
	}
	for system, objects := range systems(t) {
		for name, pod := range admitted(t, objects) {
			for annotation := range pod.Annotations {
				if strings.HasPrefix(annotation, "dapr.io/") && !known[annotation] {
					t.Errorf("%s: %s: annotation %s means nothing to the injector", system, name, annotation)
				}
			}
		}
	}
}

// TestPodsMeetTheRestrictedStandard evaluates pods as the API server does in a
// namespace that enforces it, sidecars included.
func TestPodsMeetTheRestrictedStandard(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for system, objects := range systems(t) {
		pods := admitted(t, objects)
		for _, object := range objects.Kind("StatefulSet") {
			set, err := manifests.Read[struct{ Spec struct{ Template corev1.Pod } }](object)
			if err != nil {
				t.Fatal(err)
			}
			pods[object.GetName()] = &set.Spec.Template
		}
		for name, pod := range pods {
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
			if !result.Allowed {
				t.Errorf("%s: %s: %s", system, name, result.ForbiddenDetail())
			}
		}
	}
}

// TestContainersAreReadOnly: beyond what the standard asks for.
func TestContainersAreReadOnly(t *testing.T) {
	t.Parallel()
	for system, objects := range systems(t) {
		for name, pod := range admitted(t, objects) {
			for _, container := range pod.Spec.Containers {
				if ro := container.SecurityContext.ReadOnlyRootFilesystem; ro == nil || !*ro {
					t.Errorf("%s: %s: %s may write into its image", system, name, container.Name)
				}
			}
			if mount := pod.Spec.AutomountServiceAccountToken; mount != nil && *mount {
				t.Errorf("%s: %s has a token for the Kubernetes API", system, name)
			}
		}
	}
}
