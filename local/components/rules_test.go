package components

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v3"
)

// resource is what these rules look at, of components and subscriptions.
type resource struct {
	Kind     string
	Metadata struct{ Name string }
	Scopes   []string
	Spec     struct {
		Type            string
		Topic           string
		DeadLetterTopic string `yaml:"deadLetterTopic"`
		// Metadata is a list in a component and a map in a subscription.
		Metadata yaml.Node
	}
}

func (r resource) setting(t *testing.T, name string) string {
	t.Helper()
	var items []struct{ Name, Value string }
	if err := r.Spec.Metadata.Decode(&items); err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Name == name {
			return i.Value
		}
	}
	return ""
}

// resources reads all files of the repository's components.
func resources(t *testing.T) map[string]resource {
	t.Helper()
	files, err := filepath.Glob("../../components/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no components: %v", err)
	}
	all := map[string]resource{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		for {
			var r resource
			if decoder.Decode(&r) != nil {
				break
			}
			all[filepath.Base(filepath.Dir(file))+"/"+r.Metadata.Name+" "+r.Kind] = r
		}
	}
	return all
}

// TestBrokerLosesNothing holds the settings without which the sidecar skips
// records; docs/design.md tells what each of them does.
func TestBrokerLosesNothing(t *testing.T) {
	t.Parallel()
	for name, r := range resources(t) {
		if r.Spec.Type != kafkaType {
			continue
		}
		for setting, want := range map[string]string{
			"initialOffset": "oldest", "consumeRetryEnabled": "true", "backOffPolicy": "constant",
			"backOffMaxRetries": "", "backOffMaxElapsedTime": "", "version": "2.3.0",
		} {
			if got := r.setting(t, setting); got != want {
				t.Errorf("%s: %s is %q, want %q", name, setting, got, want)
			}
		}
		for _, setting := range []string{"publishingScopes", "subscriptionScopes", "allowedTopics"} {
			if r.setting(t, setting) == "" {
				t.Errorf("%s: %s is missing: every app may use every topic", name, setting)
			}
		}
	}
}

// TestSubscriptionsLoseNothing holds what a bulk delivery needs.
func TestSubscriptionsLoseNothing(t *testing.T) {
	t.Parallel()
	topics := map[string]bool{}
	for name, r := range resources(t) {
		if r.Kind != "Subscription" {
			continue
		}
		topics[r.Spec.Topic] = true
		var metadata map[string]string
		if err := r.Spec.Metadata.Decode(&metadata); err != nil {
			t.Fatal(err)
		}
		if metadata["rawPayload"] != "true" {
			t.Errorf("%s: without rawPayload a record that is no JSON is acknowledged in silence", name)
		}
		if r.Spec.DeadLetterTopic != "" {
			t.Errorf("%s: deadLetterTopic takes what a rebalance cancels", name)
		}
	}
	if len(topics) != 4 {
		t.Errorf("subscriptions to %d topics, want 4", len(topics))
	}
}

// TestComponentsAreScoped keeps each app away from what it does not use.
func TestComponentsAreScoped(t *testing.T) {
	t.Parallel()
	for name, r := range resources(t) {
		if len(r.Scopes) == 0 {
			t.Errorf("%s has no scopes", name)
		}
	}
}
