package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"registration.example/cluster/programs"
)

// ReadyAnnotation is on pods behind which a process stands: with the value
// "false" KWOK does not say that they are ready.
const ReadyAnnotation = "registration.example/process-ready"

// stages are what KWOK does to nodes and pods, from its own source.
var stages = []string{
	"node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease",
	"pod/general/pod-create", "pod/general/pod-init-container-running", "pod/general/pod-init-container-completed",
	podReady, "pod/general/pod-complete", "pod/general/pod-delete",
}

const podReady = "pod/general/pod-ready"

// waitsForProcess is added to the selector of the stage that makes a pod ready.
const waitsForProcess = `    - key: '.metadata.annotations["` + ReadyAnnotation + `"]'
      operator: 'NotIn'
      values:
      - 'false'
`

// startNodes starts KWOK and the first nodes.
func (c *ControlPlane) startNodes(ctx context.Context) error {
	config, err := c.stages()
	if err != nil {
		return err
	}
	file := c.path("kwok.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	err = c.start(programs.Kwok, nil, "--kubeconfig="+c.kubeconfig("kwok"), "--config="+file,
		"--manage-all-nodes=true", "--node-lease-duration-seconds=40", "--cidr=10.200.0.0/16", "--node-ip=10.99.0.1")
	if err != nil {
		return err
	}
	if err := c.apply(ctx, nodes(c.o.Nodes, c.o.PodsPerNode), "-"); err != nil {
		return err
	}
	return c.await(ctx, "nodes", func(ctx context.Context) error {
		if ready, err := c.client.Nodes(ctx); err != nil || ready < c.o.Nodes {
			return errors.Join(err, fmt.Errorf("%d of %d are ready", ready, c.o.Nodes))
		}
		return nil
	})
}

func (c *ControlPlane) stages() (string, error) {
	var config strings.Builder
	for _, stage := range stages {
		content, err := os.ReadFile(filepath.Join(c.o.Programs.Kwok(), "kustomize", "stage", stage+".yaml"))
		if err != nil {
			return "", fmt.Errorf("read KWOK's stages: %w", err)
		}
		text := string(content)
		if stage == podReady {
			before, after, found := strings.Cut(text, "  weight: 1\n")
			if !found {
				return "", fmt.Errorf("KWOK's stage %s has another form", stage)
			}
			text = before + waitsForProcess + "  weight: 1\n" + after
		}
		config.WriteString("---\n" + text)
	}
	return config.String(), nil
}

// nodes are like virtual machines with 4 CPUs and 16 GiB, less what a kubelet
// keeps for itself.
func nodes(count, pods int) string {
	var list strings.Builder
	for i := range count {
		_, _ = fmt.Fprintf(&list, `---
apiVersion: v1
kind: Node
metadata:
  name: node-%[1]d
  labels:
    type: kwok
    kubernetes.io/os: linux
    kubernetes.io/arch: amd64
    kubernetes.io/hostname: node-%[1]d
    node.kubernetes.io/instance-type: Standard_D4s_v5
    topology.kubernetes.io/zone: zone-%[2]d
  annotations: {kwok.x-k8s.io/node: fake}
status:
  capacity: {cpu: "4", memory: 16Gi, ephemeral-storage: 64Gi, pods: "%[3]d"}
  allocatable: {cpu: 3860m, memory: 13Gi, ephemeral-storage: 60Gi, pods: "%[3]d"}
`, i+1, i%3+1, pods)
	}
	return list.String()
}
