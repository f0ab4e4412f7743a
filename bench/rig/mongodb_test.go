package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"registration.example/local/system"
)

// The embedded profile, but for its database.
func TestWithMongoDB(t *testing.T) {
	t.Parallel()
	root, err := system.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "components")
	if err := withMongoDB(filepath.Join(root, "components"), to, "mongodb://elsewhere:7/"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"embedded/statestore.yaml":  "mongodb://elsewhere:7/",
		"embedded/pubsub.yaml":      "pubsub.kafka",
		"shared/subscriptions.yaml": "user-create",
	} {
		content, err := os.ReadFile(filepath.Join(to, name))
		if err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s has no %q: %v", name, want, err)
		}
	}
}
