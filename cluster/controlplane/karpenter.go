package controlplane

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"registration.example/cluster/programs"
)

// instanceTypes are the machines that Karpenter may choose from.
//
//go:embed instances.json
var instanceTypes []byte

const karpenterNamespace = "kube-system"

// StartKarpenter applies the account and the permissions of Karpenter's chart
// for KWOK, and starts it: it adds nodes when pods are pending, and takes away
// those that are not needed.
func (c *ControlPlane) StartKarpenter(ctx context.Context) error {
	source := c.o.Programs.Karpenter()
	if err := c.apply(ctx, "", filepath.Join(source, "pkg", "apis", "crds"), filepath.Join(source, "kwok", "apis", "crds")); err != nil {
		return err
	}
	chart, err := run(ctx, "", c.o.Programs.Path(programs.Helm), "template", "karpenter", filepath.Join(source, "kwok", "charts"),
		"--namespace", karpenterNamespace, "--kube-version", c.o.Programs.Versions["k8s.io/kubernetes"],
		// The process is here, not in a pod.
		"--set", "replicas=0")
	if err != nil {
		return err
	}
	if err := c.apply(ctx, chart, "-"); err != nil {
		return err
	}
	kubeconfig, err := c.actAs(ctx, karpenterNamespace, "karpenter")
	if err != nil {
		return err
	}
	types := c.path("instances.json")
	if err := os.WriteFile(types, instanceTypes, 0o644); err != nil {
		return err
	}
	err = c.start(programs.Karpenter, []string{
		"KUBECONFIG=" + kubeconfig, "SYSTEM_NAMESPACE=" + karpenterNamespace, "KUBERNETES_MIN_VERSION=1.19.0-0",
		"INSTANCE_TYPES_FILE_PATH=" + types, "DISABLE_LEADER_ELECTION=true",
		fmt.Sprintf("METRICS_PORT=%d", c.ports.karpenterMetrics), fmt.Sprintf("HEALTH_PROBE_PORT=%d", c.ports.karpenterHealth),
	})
	if err != nil {
		return err
	}
	return c.await(ctx, "Karpenter", healthy("http://"+local(c.ports.karpenterHealth)+"/healthz"))
}
