package test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"registration.example/k8s/test/manifests"
	"registration.example/k8s/test/schemas"
)

// options in every combination that makes a difference, on the base. An option
// that is in none of them, and in no overlay, is found by TestEveryOptionIsRendered.
var combinations = map[string][]string{
	"lag-and-rate":                {"lag-and-rate", "monitoring"},
	"scale-to-zero":               {"scale-to-zero"},
	"lag-and-rate, scale-to-zero": {"lag-and-rate", "scale-to-zero"},
	"dapr-invoke":                 {"istio-ingress", "dapr-invoke"},
	"all of AKS":                  {"mongodb-outside", "istio-ingress", "dapr-invoke", "lag-and-rate", "monitoring", "over-provisioning", "karpenter"},
}

// systems renders everything that can be applied.
func systems(t *testing.T) map[string]manifests.Objects {
	t.Helper()
	all := map[string]manifests.Objects{}
	folders, err := filepath.Glob("../overlays/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range append(folders, "../base", "../load", "../platform/kafka", "../platform/mongodb") {
		objects, err := manifests.Render(folder)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(folder, "../")] = objects
	}
	for name, options := range combinations {
		paths := make([]string, len(options))
		for i, option := range options {
			paths[i] = filepath.Join("../options", option)
		}
		objects, err := manifests.RenderWith("../base", paths...)
		if err != nil {
			t.Fatal(err)
		}
		all["base with "+name] = objects
	}
	return all
}

func overlay(t *testing.T, name string) manifests.Objects {
	t.Helper()
	objects, err := manifests.Render(filepath.Join("../overlays", name))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestEveryOptionIsRendered(t *testing.T) {
	t.Parallel()
	rendered := map[string]bool{}
	for _, options := range combinations {
		for _, option := range options {
			rendered[option] = true
		}
	}
	overlays, err := filepath.Glob("../overlays/*/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range overlays {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, option, ok := strings.Cut(strings.TrimSpace(line), "../../options/"); ok {
				rendered[option] = true
			}
		}
	}
	entries, err := os.ReadDir("../options")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !rendered[entry.Name()] {
			t.Errorf("options/%s is in no overlay and in no test", entry.Name())
		}
	}
}

// withoutSchema are kinds whose CRD is in no registry: they are rendered, and
// nobody here can say whether an API server takes them.
var withoutSchema = map[string]bool{"AKSNodeClass": true}

// TestAPIServerTakesEveryObject validates with kube-apiserver's own code and the
// CRDs of the pinned releases.
func TestAPIServerTakesEveryObject(t *testing.T) {
	t.Parallel()
	validator, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, objects := range systems(t) {
		for _, object := range objects {
			err := validator.Validate(object)
			if errors.Is(err, schemas.ErrUnknownKind) && withoutSchema[object.GetKind()] {
				continue
			}
			if err != nil {
				t.Errorf("%s: %s %s: %v", name, object.GetKind(), object.GetName(), err)
			}
		}
	}
}

// TestValidationNotices breaks objects in ways that an API server refuses: else
// the test above could not fail.
func TestValidationNotices(t *testing.T) {
	t.Parallel()
	validator, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	for name, mistake := range map[string]struct {
		kind, name string
		value      any
		fields     []string
	}{
		"an unknown field":          {"Deployment", "user-service", true, []string{"spec", "template", "spec", "readOnly"}},
		"a value out of range":      {"Deployment", "user-service", int64(-1), []string{"spec", "replicas"}},
		"a selector of others":      {"Deployment", "user-service", "x", []string{"spec", "template", "metadata", "labels", "app"}},
		"a field of no component":   {"Component", "statestore", "x", []string{"spec", "kind"}},
		"no string":                 {"Subscription", "user-create", int64(1), []string{"spec", "topic"}},
		"a policy that is none":     {"ScaledObject", "approval-service", "lowest", []string{"spec", "fallback", "behavior"}},
		"a trigger without mercy":   {"ScaledObject", "approval-service", "x", []string{"spec", "minReplicaCount"}},
		"a topic without sense":     {"KafkaTopic", "user-approve", int64(0), []string{"spec", "partitions"}},
		"a login that is not known": {"KafkaUser", "keda", "scram", []string{"spec", "authentication", "type"}},
		"an unknown retry":          {"VirtualService", "registration", "x", []string{"spec", "retries"}},
		"a mode that is none":       {"AuthorizationPolicy", "registration", "PERMIT", []string{"spec", "action"}},
		"no such policy":            {"NodePool", "registration", "Never", []string{"spec", "disruption", "consolidationPolicy"}},
		"a rule without a query":    {"PrometheusRule", "registration", []any{map[string]any{"name": "x", "rules": []any{map[string]any{"alert": "X"}}}}, []string{"spec", "groups"}},
		"a port that is a number":   {"PodMonitor", "services", "x", []string{"spec", "selector"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := overlay(t, "aks").Find(mistake.kind, mistake.name)
			if object == nil {
				t.Fatalf("no %s %s", mistake.kind, mistake.name)
			}
			if err := validator.Validate(object); err != nil {
				t.Fatalf("as it is: %v", err)
			}
			setField(object.Object, mistake.value, mistake.fields...)
			if err := validator.Validate(object); err == nil {
				t.Errorf("%v = %v is taken", mistake.fields, mistake.value)
			}
		})
	}
}

// setField sets a field, and makes the maps on the way to it.
func setField(in map[string]any, value any, fields ...string) {
	for _, field := range fields[:len(fields)-1] {
		next, ok := in[field].(map[string]any)
		if !ok {
			next = map[string]any{}
			in[field] = next
		}
		in = next
	}
	in[fields[len(fields)-1]] = value
}
