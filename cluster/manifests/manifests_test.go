package manifests

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const scaledObject = `
kind: Namespace
metadata: {name: other}
---
kind: ScaledObject
metadata: {name: approval-service, namespace: registration}
spec:
  minReplicaCount: 2
  maxReplicaCount: 120
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        scaleUp: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 30, periodSeconds: 15}]}
        scaleDown: {stabilizationWindowSeconds: 180, policies: [{type: Percent, value: 20, periodSeconds: 60}]}
  triggers:
    - type: kafka
      authenticationRef: {name: kafka}
      metadata: {bootstrapServers: "kafka:9093", topic: user-approve, consumerGroup: approval-service, lagThreshold: "4", tls: enable, sasl: scram_sha512}
    - type: prometheus
      metadata: {serverAddress: "http://prometheus:9090", query: 'sum(rate(x{topic="user-approve"}[1m]))', threshold: "4"}
`

func TestScale(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scaling Scaling
		want    string
	}{
		"a third of the time": {
			Scaling{Broker: "b:1", Prometheus: "http://p:2", Topic: "t", Group: "g", Min: 2, Max: 24, TimeLapse: 3},
			`
minReplicaCount: 2
maxReplicaCount: 24
advanced:
  horizontalPodAutoscalerConfig:
    behavior:
      scaleUp: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 30, periodSeconds: 5}]}
      scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Percent, value: 20, periodSeconds: 20}]}
triggers:
  - type: kafka
    metadata: {bootstrapServers: "b:1", topic: t, consumerGroup: g, lagThreshold: "4"}
  - type: prometheus
    metadata: {serverAddress: "http://p:2", query: 'sum(rate(x{topic="t"}[20s]))', threshold: "4"}
`,
		},
		"by the lag alone, with settings": {
			Scaling{Broker: "b:1", Topic: "t", Group: "g", Min: 1, Max: 9, LagOnly: true, Lag: map[string]string{"lagThreshold": "10"}, ScaleDown: &ScaleDown{Window: 45, Percent: 50, Period: 30}},
			`
minReplicaCount: 1
maxReplicaCount: 9
advanced:
  horizontalPodAutoscalerConfig:
    behavior:
      scaleUp: {stabilizationWindowSeconds: 0, policies: [{type: Pods, value: 30, periodSeconds: 15}]}
      scaleDown: {stabilizationWindowSeconds: 45, selectPolicy: Max, policies: [{type: Percent, value: 50, periodSeconds: 30}]}
triggers:
  - type: kafka
    metadata: {bootstrapServers: "b:1", topic: t, consumerGroup: g, lagThreshold: "10"}
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scaled := parsed(t, scaledObject)
			if err := Scale(scaled, test.scaling); err != nil {
				t.Fatal(err)
			}
			want, err := Parse(test.want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]any(want[0]), scaled["spec"]); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

// A trigger that nobody has thought of must not go to production's address.
func TestScaleUnknownTrigger(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown type": "kind: ScaledObject\nmetadata: {name: approval-service}\nspec: {triggers: [{type: cron}]}",
		"no triggers":  "kind: ScaledObject\nmetadata: {name: approval-service}\nspec: {}",
	} {
		if err := Scale(parsed(t, text), Scaling{}); err == nil {
			t.Errorf("Scale succeeded with %s", name)
		}
	}
}

func parsed(t *testing.T, text string) Object {
	t.Helper()
	objects, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := Find(objects, "ScaledObject", "approval-service")
	if err != nil {
		t.Fatal(err)
	}
	return scaled
}

func TestTextAndFind(t *testing.T) {
	t.Parallel()
	objects, err := Parse(scaledObject)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Text(objects)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objects, again); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	Move(again[1], "elsewhere")
	if got := again[1].in("metadata")["namespace"]; got != "elsewhere" {
		t.Errorf("namespace = %v", got)
	}
	if n, err := MinReplicas(again[1]); n != 2 || err != nil {
		t.Errorf("MinReplicas = %d, %v", n, err)
	}
	if _, err := Find(objects, "Deployment", "approval-service"); err == nil {
		t.Error("Find found what is not there")
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	objects, err := Parse(`
kind: Component
spec: {type: state.sqlite, metadata: [{name: brokers, value: "not Kafka"}]}
---
kind: Component
spec: {type: pubsub.kafka, metadata: [{name: authType, value: none}, {name: brokers, value: "kafka:9093"}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	if err := Connect(objects[:1], "b:1"); err == nil {
		t.Error("Connect succeeded without a component for Kafka")
	}
	if err := Connect(objects, "b:1"); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"name": "authType", "value": "none"}, map[string]any{"name": "brokers", "value": "b:1"}}
	if diff := cmp.Diff(want, objects[1].in("spec")["metadata"]); diff != "" {
		t.Errorf("component (-want +got):\n%s", diff)
	}
}
