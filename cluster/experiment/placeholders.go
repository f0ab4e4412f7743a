package experiment

import (
	"context"
	"strings"

	"registration.example/cluster/kube"
)

// placeholder is the Deployment of k8s/options/over-provisioning.
const placeholder = "placeholder"

// gaveWay counts the placeholders that gave way so far.
func (s *setting) gaveWay(ctx context.Context) (int, error) {
	preempted, err := s.plane.Client().Events(ctx, namespace, "Preempted")
	if err != nil {
		return 0, err
	}
	scheduled, err := s.plane.Client().Events(ctx, namespace, "Scheduled")
	return gaveWay(preempted, scheduled), err
}

// gaveWay counts the placeholders that the scheduler preempted for a pod of the
// service which it then put into their place.
func gaveWay(preempted, scheduled []kube.Event) int {
	nodes := make(map[string]string)
	for _, e := range scheduled {
		nodes[e.Object.Name] = nodeOf(e)
	}
	count := 0
	for _, e := range preempted {
		if strings.HasPrefix(e.Object.Name, placeholder+"-") && strings.HasPrefix(e.Related.Name, service+"-") && nodes[e.Related.Name] == nodeOf(e) {
			count++
		}
	}
	return count
}

// nodeOf is the node of which the scheduler tells: both messages end with it.
func nodeOf(e kube.Event) string { return e.Message[strings.LastIndexByte(e.Message, ' ')+1:] }
