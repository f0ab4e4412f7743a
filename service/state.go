package service

import (
	"context"
	"errors"

	"registration.example/sidecar"
)

// ProbePrefix begins keys that hold no data of the service.
const ProbePrefix = "probe/"

var errProbe = errors.New("what was saved cannot be read back")

// Probe gives a check that saves one key of this replica and reads it back.
func Probe(state sidecar.State, replica string) func(context.Context) error {
	key := ProbePrefix + replica
	return func(ctx context.Context) error {
		if _, err := state.Save(ctx, []sidecar.Write{{Key: key, Value: []byte(replica)}}); err != nil {
			return err
		}
		records, err := state.Get(ctx, []string{key})
		if err != nil {
			return err
		}
		if !records[0].Found || string(records[0].Value) != replica {
			return errProbe
		}
		return nil
	}
}
