//go:build kafka

package scaler_test

import (
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/e2e/kafka"
	"registration.example/k8s/test/manifests"
)

// TestReplicasFollowTheLagOfApacheKafka is the same on the genuine article,
// which here has neither TLS nor logins.
func TestReplicasFollowTheLagOfApacheKafka(t *testing.T) {
	t.Parallel()
	objects, err := manifests.Render(aks)
	if err != nil {
		t.Fatal(err)
	}
	apache, err := kafka.Start(t.Context(), kafka.Options{
		Dir:    t.TempDir(),
		Topics: map[string]int32{topic: partitions(t, objects)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = apache.Stop() })
	f := &fixture{objects: objects, connect: func(options ...kgo.Opt) (*kgo.Client, error) {
		return kgo.NewClient(append(options, kgo.SeedBrokers(apache.Addr()))...)
	}}
	f.start(t, base, apache.Addr(), func(trigger kedav1alpha1.ScaleTriggers) map[string]string {
		delete(trigger.Metadata, "tls")
		delete(trigger.Metadata, "sasl")
		return nil
	})
	f.followTheLag(t, evenly)
}
