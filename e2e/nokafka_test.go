//go:build !kafka

package e2e

import (
	"context"
	"errors"
)

func startKafka(context.Context, string) (addr string, stop func(), err error) {
	return "", nil, errors.New("the profile kafka needs the build tag kafka: make test-kafka")
}
