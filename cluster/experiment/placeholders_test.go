package experiment

import (
	"testing"

	"registration.example/cluster/kube"
)

// Only a placeholder whose place a pod of the service got has given way.
func TestGaveWay(t *testing.T) {
	t.Parallel()
	event := func(object, related, message string) kube.Event {
		return kube.Event{Object: kube.Reference{Name: object}, Related: kube.Reference{Name: related}, Message: message}
	}
	scheduled := []kube.Event{
		event("approval-service-a", "", "Successfully assigned registration/approval-service-a to node-1"),
		event("user-service-a", "", "Successfully assigned registration/user-service-a to node-1"),
	}
	for name, test := range map[string]struct {
		preempted kube.Event
		want      int
	}{
		"for the service":       {event("placeholder-a", "approval-service-a", "Preempted by pod 1 on node node-1"), 1},
		"on another node":       {event("placeholder-a", "approval-service-a", "Preempted by pod 1 on node node-2"), 0},
		"for one without place": {event("placeholder-a", "approval-service-b", "Preempted by pod 2 on node node-1"), 0},
		"for another service":   {event("placeholder-a", "user-service-a", "Preempted by pod 3 on node node-1"), 0},
		"another's pod":         {event("user-service-b", "approval-service-a", "Preempted by pod 1 on node node-1"), 0},
	} {
		if got := gaveWay([]kube.Event{test.preempted}, scheduled); got != test.want {
			t.Errorf("%s: gaveWay = %d, want %d", name, got, test.want)
		}
	}
}
