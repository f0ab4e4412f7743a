package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"registration.example/local/broker"
)

// watchParent leaves a process alone whose parent lives.
func TestWatchParent(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	watchParent(ctx, func(err error) { t.Errorf("stopped: %v", err) })
}

// compose.yaml makes the topics that the embedded broker makes.
func TestComposeMakesTheTopics(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("..", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Healthcheck struct{ Test []string }
		}
	}
	if err := yaml.Unmarshal(content, &compose); err != nil {
		t.Fatal(err)
	}
	script := strings.Join(compose.Services["kafka"].Healthcheck.Test, "\n")
	for _, topic := range broker.Topics() {
		if line := fmt.Sprintf("make %s %d &&", topic.Name, topic.Partitions); strings.Count(script, line) != 1 {
			t.Errorf("the healthcheck of kafka lacks %q", line)
		}
	}
	if made := strings.Count(script, "make user-"); made != len(broker.Topics()) {
		t.Errorf("the healthcheck of kafka makes %d topics, want %d", made, len(broker.Topics()))
	}
}
