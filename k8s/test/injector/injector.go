// Package injector gives pods their sidecars: by the code of Dapr's own injector,
// with the settings of its release in k8s/platform.
package injector

import (
	"fmt"
	"os"

	"github.com/dapr/dapr/pkg/injector/consts"
	"github.com/dapr/dapr/pkg/injector/patcher"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"registration.example/k8s/test/manifests"
)

// Settings are those of the injector's release.
type Settings struct {
	Injector struct {
		RunAsNonRoot           bool `json:"sidecarRunAsNonRoot"`
		ReadOnlyRootFilesystem bool `json:"sidecarReadOnlyRootFilesystem"`
		DropAllCapabilities    bool `json:"sidecarDropALLCapabilities"`
	} `json:"dapr_sidecar_injector"`
	Global struct {
		MTLS struct {
			Enabled bool `json:"enabled"`
		} `json:"mtls"`
	} `json:"global"`
}

// ReadSettings reads the values file of the release.
func ReadSettings(file string) (Settings, error) {
	var s Settings
	text, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("settings of the injector: %w", err)
	}
	return s, yaml.Unmarshal(text, &s)
}

// Pod makes a pod as a Deployment's controller would.
func Pod(object *unstructured.Unstructured) (*corev1.Pod, error) {
	deployment, err := manifests.Decode[appsv1.Deployment](object)
	if err != nil {
		return nil, err
	}
	template := deployment.Spec.Template
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.Name = deployment.Namespace, deployment.Name+"-0"
	return pod, nil
}

// Inject gives the pod as it is admitted: with a sidecar if its annotations ask
// for one. What the injector reads from its cluster is made up.
func (s Settings) Inject(pod *corev1.Pod) (*corev1.Pod, error) {
	const controlPlane, domain = "dapr-system", "cluster.local"
	sidecar := patcher.NewSidecarConfig(pod)
	sidecar.Mode = consts.ModeKubernetes
	sidecar.Namespace = pod.Namespace
	sidecar.MTLSEnabled = s.Global.MTLS.Enabled
	sidecar.Identity = pod.Namespace + ":" + pod.Spec.ServiceAccountName
	sidecar.ImagePullPolicy = corev1.PullIfNotPresent
	sidecar.OperatorAddress = patcher.ServiceAPI.Address(controlPlane, domain)
	sidecar.SentryAddress = patcher.ServiceSentry.Address(controlPlane, domain)
	sidecar.RunAsNonRoot = s.Injector.RunAsNonRoot
	sidecar.ReadOnlyRootFilesystem = s.Injector.ReadOnlyRootFilesystem
	sidecar.SidecarDropALLCapabilities = s.Injector.DropAllCapabilities
	sidecar.ControlPlaneNamespace = controlPlane
	sidecar.ControlPlaneTrustDomain = domain
	sidecar.SidecarImage = "daprd"
	sidecar.SetFromPodAnnotations()
	patch, err := sidecar.GetPatch()
	if err != nil {
		return nil, fmt.Errorf("inject a sidecar into %s: %w", pod.Name, err)
	}
	return patcher.PatchPod(pod, patch)
}

// Sidecar is the container that was injected, nil if there is none.
func Sidecar(pod *corev1.Pod) *corev1.Container {
	for i, container := range pod.Spec.Containers {
		if container.Name == consts.SidecarContainerName {
			return &pod.Spec.Containers[i]
		}
	}
	return nil
}
