package service_test

import (
	"context"
	"testing"

	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/memory"
)

// forgetful is a state that accepts writes and then gives something else.
type forgetful struct {
	sidecar.State

	records []sidecar.Record
	err     error
}

func (f forgetful) Get(context.Context, []string) ([]sidecar.Record, error) { return f.records, f.err }

func TestProbe(t *testing.T) {
	t.Parallel()
	broken := memory.NewState()
	broken.Fail(sidecar.ErrUnavailable)
	shared := memory.NewState()
	for name, test := range map[string]struct {
		state sidecar.State
		works bool
	}{
		"works":                     {state: memory.NewState(), works: true},
		"another replica's is kept": {state: shared, works: true},
		"cannot be written":         {state: broken},
		"cannot be read":            {state: forgetful{State: memory.NewState(), err: sidecar.ErrUnavailable}},
		"nothing is read back":      {state: forgetful{State: memory.NewState(), records: []sidecar.Record{{}}}},
		"something else is read":    {state: forgetful{State: memory.NewState(), records: []sidecar.Record{{Found: true, Value: []byte("x")}}}},
	} {
		for range 2 { // it is asked again and again
			if err := service.Probe(test.state, "replica-1")(t.Context()); (err == nil) != test.works {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	if err := service.Probe(shared, "replica-2")(t.Context()); err != nil || len(shared.Records()) != 2 {
		t.Errorf("records %v: %v", shared.Records(), err)
	}
}
