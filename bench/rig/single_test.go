package rig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSingleDeliveries copies the repository's own components: every
// subscription has bulk deliveries, and the copy has none.
func TestSingleDeliveries(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join("..", "..", "components"), t.TempDir()
	if err := singleDeliveries(from, to); err != nil {
		t.Fatal(err)
	}
	subscriptions := 0
	for _, name := range []string{"shared/subscriptions.yaml", "fast-approval/subscription.yaml", "slow-approval/subscription.yaml"} {
		before, after := read(t, filepath.Join(from, name)), read(t, filepath.Join(to, name))
		bulk := strings.Count(before, "enabled: true")
		subscriptions += bulk
		if bulk != strings.Count(before, "kind: Subscription") || strings.Contains(after, "enabled: true") ||
			strings.Count(after, "enabled: false") != bulk {
			t.Errorf("%s:\n%s", name, after)
		}
	}
	if subscriptions != 5 {
		t.Errorf("%d subscriptions, want one for each topic, and approval's twice", subscriptions)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
