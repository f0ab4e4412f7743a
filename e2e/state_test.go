package e2e

import (
	"testing"
	"time"

	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/conformance"
)

// TestState runs the conformance suite over the database of the profile,
// through a real sidecar.
func TestState(t *testing.T) {
	s := own(t)
	address, token := s.Sidecar(userService)
	client, err := sidecar.Connect(sidecar.Options{Address: address, Token: token, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	conformance.State(t, client.Store(service.StateStore))
}
