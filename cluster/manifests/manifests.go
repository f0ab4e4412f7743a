// Package manifests prepares the system's own manifests for a run: addresses,
// partitions and times of one machine in place of those of production.
package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Object is a Kubernetes object.
type Object map[string]any

// Parse reads a stream of documents.
func Parse(text string) ([]Object, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var objects []Object
	for {
		var o map[string]any
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("read manifests: %w", err)
		case o != nil:
			objects = append(objects, o)
		}
	}
}

// Text is a stream of documents again.
func Text(objects []Object) (string, error) {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	for _, o := range objects {
		if err := encoder.Encode(map[string]any(o)); err != nil {
			return "", fmt.Errorf("write manifests: %w", err)
		}
	}
	return b.String(), encoder.Close()
}

// Find gives the object of a kind and name.
func Find(objects []Object, kind, name string) (Object, error) {
	for _, o := range objects {
		if o["kind"] == kind && o.in("metadata")["name"] == name {
			return o, nil
		}
	}
	return nil, fmt.Errorf("the manifests have no %s %s", kind, name)
}

// in walks down to an object inside; where there is none it is made.
func (o Object) in(path ...string) map[string]any {
	at := map[string]any(o)
	for _, name := range path {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	return at
}

// Trigger is one of a ScaledObject's reasons to scale.
type Trigger struct {
	Type     string
	Metadata map[string]string
}

// Scaling is how approval-service is scaled, as far as runs differ in it.
type Scaling struct {
	// Broker and Prometheus are addresses as KEDA sees them.
	Broker, Prometheus string
	// Topic and Group are what the lag is of.
	Topic, Group string
	// Min and Max are the limits of replicas.
	Min, Max int
	// TimeLapse divides all times: the autoscaler looks that much more often, too.
	TimeLapse int
	// LagOnly leaves out every trigger but the lag.
	LagOnly bool
	// Lag replaces settings of the trigger on the lag.
	Lag map[string]string
	// Rate replaces query and threshold of the trigger on the rate.
	Rate map[string]string
	// ScaleDown replaces settings of the behaviour downwards; times in seconds of production.
	ScaleDown *ScaleDown
}

// ScaleDown is how replicas go.
type ScaleDown struct {
	// Window is how long the highest wish of the past counts, in seconds.
	Window int
	// At most Percent of the replicas go in Period seconds.
	Percent, Period int
}

// Scale changes a ScaledObject.
func Scale(o Object, s Scaling) error {
	spec := o.in("spec")
	spec["minReplicaCount"], spec["maxReplicaCount"] = s.Min, s.Max
	triggers, ok := spec["triggers"].([]any)
	if !ok || len(triggers) == 0 {
		return errors.New("the ScaledObject has no triggers")
	}
	var kept []any
	for _, t := range triggers {
		trigger, ok := t.(map[string]any)
		if !ok {
			return fmt.Errorf("the ScaledObject has a trigger of an unknown form: %v", t)
		}
		if s.LagOnly && trigger["type"] != "kafka" {
			continue
		}
		if err := move(trigger, s); err != nil {
			return err
		}
		kept = append(kept, trigger)
	}
	spec["triggers"] = kept
	behavior := Object(spec).in("advanced", "horizontalPodAutoscalerConfig", "behavior")
	if s.ScaleDown != nil {
		behavior["scaleDown"] = map[string]any{
			"stabilizationWindowSeconds": s.ScaleDown.Window, "selectPolicy": "Max",
			"policies": []any{map[string]any{"type": "Percent", "value": s.ScaleDown.Percent, "periodSeconds": s.ScaleDown.Period}},
		}
	}
	lapse(behavior, max(1, s.TimeLapse))
	return nil
}

// move points a trigger to this machine.
func move(trigger map[string]any, s Scaling) error {
	metadata := Object(trigger).in("metadata")
	switch trigger["type"] {
	case "kafka":
		delete(trigger, "authenticationRef")
		for _, name := range []string{"tls", "sasl"} {
			delete(metadata, name)
		}
		metadata["bootstrapServers"] = s.Broker
		metadata["topic"], metadata["consumerGroup"] = s.Topic, s.Group
		for name, value := range s.Lag {
			metadata[name] = value
		}
	case "prometheus":
		metadata["serverAddress"] = s.Prometheus
		for name, value := range s.Rate {
			metadata[name] = value
		}
		query, _ := metadata["query"].(string)
		if s.TimeLapse > 1 {
			query = strings.ReplaceAll(query, "[1m]", fmt.Sprintf("[%ds]", 60/s.TimeLapse))
		}
		metadata["query"] = strings.ReplaceAll(query, "user-approve", s.Topic)
	default:
		return fmt.Errorf("the ScaledObject has a trigger of the unknown type %v", trigger["type"])
	}
	return nil
}

// lapse divides every time below, wherever it stands.
func lapse(value any, by int) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Collect(maps.Keys(v)) {
			if seconds, ok := v[name].(int); ok && strings.HasSuffix(name, "Seconds") {
				v[name] = int(max(1, float64(seconds)/float64(by))) * sign(seconds)
			} else {
				lapse(v[name], by)
			}
		}
	case []any:
		for _, item := range v {
			lapse(item, by)
		}
	}
}

// sign keeps a time of zero at zero.
func sign(n int) int {
	if n == 0 {
		return 0
	}
	return 1
}

// Connect lets every component for Kafka connect to a broker.
func Connect(objects []Object, broker string) error {
	connected := 0
	for _, o := range objects {
		if o["kind"] != "Component" || o.in("spec")["type"] != "pubsub.kafka" {
			continue
		}
		entries, _ := o.in("spec")["metadata"].([]any)
		for _, e := range entries {
			if entry, ok := e.(map[string]any); ok && entry["name"] == "brokers" {
				entry["value"] = broker
				connected++
			}
		}
	}
	if connected == 0 {
		return errors.New("the manifests have no component for Kafka")
	}
	return nil
}

// Move puts an object into another namespace.
func Move(o Object, namespace string) { o.in("metadata")["namespace"] = namespace }

// MinReplicas is the least number of replicas of a ScaledObject.
func MinReplicas(o Object) (int, error) {
	n, ok := o.in("spec")["minReplicaCount"].(int)
	if !ok {
		return 0, errors.New("the ScaledObject has no minReplicaCount")
	}
	return n, nil
}
