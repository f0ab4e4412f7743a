package memory_test

import (
	"testing"

	"registration.example/sidecar/conformance"
	"registration.example/sidecar/memory"
)

func TestState(t *testing.T) {
	t.Parallel()
	conformance.State(t, memory.NewState())
}
