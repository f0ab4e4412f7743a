package experiment

import (
	"context"
	"fmt"
	"time"

	"registration.example/cluster/record"
	"registration.example/load/pause"
)

const (
	readyLimit = time.Minute
	lookAgain  = 500 * time.Millisecond
	// backLimit is how long after the load replicas may take to go.
	backLimit = 3 * time.Minute
	// settledFor is how long the minimum has to last at the end.
	settledFor = 5 * time.Second
)

// until calls f until it succeeds, at most as long as limit.
func until(ctx context.Context, limit time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return nil
		}
		if pause.For(ctx, lookAgain) != nil {
			return fmt.Errorf("waited for %s: %w", limit, err)
		}
	}
}

// awaitReady waits for the first pods and for KEDA.
func (s *setting) awaitReady(ctx context.Context, namespace string, least int) error {
	err := until(ctx, readyLimit, func() error {
		pods, err := s.plane.Client().Pods(ctx, namespace, selector)
		if err != nil {
			return err
		}
		ready, missing := 0, "none is there yet"
		for _, pod := range pods {
			if pod.Ready() {
				ready++
			} else {
				missing = pod.Missing()
			}
		}
		if ready < least {
			return fmt.Errorf("%d of %d pods in %s are ready; %s", ready, least, namespace, missing)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.plane.Kubectl(ctx, "", "-n", namespace, "wait", "--for=condition=Ready", "scaledobject/"+service, "--timeout=30s")
	return err
}

// awaitEnd waits until only the least number of pods is left, for a while. That
// it does not come to that is seen in the record. over may
// want more; it waits until last at the latest.
func awaitEnd(ctx context.Context, recorder *record.Recorder, last time.Time, least int, over func([]record.Sample) bool) {
	var since time.Time
	_ = until(ctx, time.Until(last), func() error {
		samples := recorder.Samples()
		newest := samples[len(samples)-1]
		if newest.Pods > least || newest.Lag > 0 || over != nil && !over(samples) {
			since = time.Time{}
			return fmt.Errorf("%d pods, %d records", newest.Pods, newest.Lag)
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < settledFor {
			return fmt.Errorf("only since %s", since)
		}
		return nil
	})
}
