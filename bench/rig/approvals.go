package rig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"registration.example/local/broker"
	"registration.example/local/system"
	"registration.example/messages"
)

// Lag is how many requests for approval approval-service has not acknowledged:
// what a cluster scales it by.
func (r *Rig) Lag(ctx context.Context) (int64, error) {
	client, err := broker.Client(r.Kafka())
	if err != nil {
		return 0, err
	}
	defer client.Close()
	lags, err := kadm.NewClient(client).Lag(ctx, ApprovalService)
	if err = errors.Join(err, lags.Error()); err != nil {
		return 0, fmt.Errorf("lag of %s: %w", ApprovalService, err)
	}
	return lags[ApprovalService].Lag.TotalByTopic()[string(messages.UserApproveTopic)].Lag, nil
}

// Verdicts is how many verdicts a second all replicas of approval-service give
// together, counted for some time.
func (r *Rig) Verdicts(ctx context.Context, d time.Duration) (float64, error) {
	begin := time.Now()
	before, err := r.verdicts(ctx)
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(d):
	}
	after, err := r.verdicts(ctx)
	return (after - before) / time.Since(begin).Seconds(), err
}

func (r *Rig) verdicts(ctx context.Context) (float64, error) {
	total := 0.0
	for _, name := range r.Processes() {
		if !strings.HasPrefix(name, ApprovalService) || strings.HasSuffix(name, system.SidecarSuffix) {
			continue
		}
		families, err := metrics(ctx, r.URL(name))
		if err != nil {
			return 0, fmt.Errorf("metrics of %s: %w", name, err)
		}
		for m := range slices.Values(families["registration_approvals_total"].GetMetric()) {
			total += m.GetCounter().GetValue()
		}
	}
	return total, nil
}
