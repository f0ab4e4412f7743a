package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"registration.example/cluster/manifests"
)

// Variant is one way to scale.
type Variant struct {
	Name string
	// Settings are in the words of the ScaledObject.
	Settings string
	scaling  manifests.Scaling
}

const (
	variantPartitions = 60
	variantRate       = 200
	variantMin        = 2
	variantNodes      = 6
	// variantPatience is enough to see the lag drain; how pods go is seen in the other runs.
	variantPatience = 20 * time.Second
)

// Variants are compared side by side; times are those of production.
func Variants() []Variant {
	lag := func(threshold, even string) map[string]string {
		return map[string]string{"lagThreshold": threshold, "ensureEvenDistributionOfPartitions": even}
	}
	return []Variant{
		{"lag-10-short", "lag 10, window 45 s, down 50 % in 30 s", manifests.Scaling{LagOnly: true, Lag: lag("10", "false"), ScaleDown: &manifests.ScaleDown{Window: 45, Percent: 50, Period: 30}}},
		{"lag-10", "lag 10", manifests.Scaling{LagOnly: true, Lag: lag("10", "false")}},
		{"lag-4", "lag 4", manifests.Scaling{LagOnly: true, Lag: lag("4", "false")}},
		{"lag-4-even", "lag 4, even", manifests.Scaling{LagOnly: true, Lag: lag("4", "true")}},
		{"lag-and-rate", "lag 10, rate over 4", manifests.Scaling{Lag: lag("10", "false"), Rate: plainRate()}},
		{"lag-and-partitions", "lag 10, rate by whole partitions", manifests.Scaling{}},
	}
}

// plainRate asks for the rate over what a replica should do: it does not know
// that partitions are not divided.
func plainRate() map[string]string {
	return map[string]string{
		"query":     `sum(max by (partition) (rate(kafka_topic_partition_current_offset{namespace="registration",topic="user-approve"}[1m])))`,
		"threshold": "4",
	}
}

func settingsProfile() Profile {
	return stairs(10, variantRate, 10, 10*time.Second, 30*time.Second, 170*time.Second)
}

// Settings runs all variants at once on one cluster, with simulated consumers:
// each has a Deployment, a topic and a group, and all get the same load.
func Settings(ctx context.Context, o Options) ([]Result, error) {
	partitions := make(map[string]int32)
	for _, v := range Variants() {
		partitions[topicOf(v)] = variantPartitions
	}
	s, err := prepare(ctx, o, variantNodes, podsPerNode, partitions)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	var topics []string
	for topic := range partitions {
		topics = append(topics, topic)
	}
	if err := s.serveOffsets(ctx, topics...); err != nil {
		return nil, err
	}
	trials := make([]*trial, len(Variants()))
	for i, v := range Variants() {
		if trials[i], err = s.prepareVariant(ctx, v); err != nil {
			return nil, fmt.Errorf("variant %s: %w", v.Name, err)
		}
	}
	errs := make([]error, len(trials))
	var running sync.WaitGroup
	for i, t := range trials {
		running.Go(func() { errs[i] = s.run(ctx, t) })
	}
	running.Wait()
	if err := errors.Join(errors.Join(errs...), s.plane.Ended()); err != nil {
		return nil, err
	}
	results := make([]Result, len(trials))
	for i, t := range trials {
		results[i] = Result{Name: Variants()[i].Name, Samples: t.recorder.Samples(), Bounds: t.bounds}
		results[i].judge()
	}
	return results, nil
}

func topicOf(v Variant) string { return "user-approve-" + v.Name }

// prepareVariant applies approval-service and its ScaledObject in a namespace
// of their own, without sidecars.
func (s *setting) prepareVariant(ctx context.Context, v Variant) (*trial, error) {
	objects, err := s.objects(ctx, "simulated")
	if err != nil {
		return nil, err
	}
	scaled, err := manifests.Find(objects, "ScaledObject", service)
	if err != nil {
		return nil, err
	}
	scaling := v.scaling
	scaling.Broker, scaling.Prometheus, scaling.Topic, scaling.Group = s.broker, s.prometheus, topicOf(v), v.Name
	scaling.Min, scaling.Max, scaling.TimeLapse = variantMin, variantPartitions, timeLapse
	if err := manifests.Scale(scaled, scaling); err != nil {
		return nil, err
	}
	deployment, err := manifests.Find(objects, "Deployment", service)
	if err != nil {
		return nil, err
	}
	account, err := manifests.Find(objects, "ServiceAccount", service)
	if err != nil {
		return nil, err
	}
	mine := prerequisites(v.Name, service)
	for _, o := range []manifests.Object{account, deployment, scaled} {
		manifests.Move(o, v.Name)
		mine = append(mine, o)
	}
	if !s.o.Kafka {
		if err := s.makeGroup(ctx, v.Name, topicOf(v), variantPartitions); err != nil {
			return nil, err
		}
	}
	t := s.newTrial(v.Name, topicOf(v), v.Name, variantBounds(), false, io.Discard)
	t.patience = variantPatience
	return t, s.apply(ctx, mine)
}

func variantBounds() Bounds {
	return Bounds{Min: variantMin, Partitions: variantPartitions, Profile: settingsProfile(), Flow: perPod}
}

func settingsOf(name string) string {
	for _, v := range Variants() {
		if v.Name == name {
			return v.Settings
		}
	}
	return name
}

// Table compares variants.
func Table(results []Result) string {
	var b strings.Builder
	b.WriteString("| settings | most pods | swings under full load | highest lag | under full load, once caught up | drained after | pod-seconds |\n|---|---|---|---|---|---|---|\n")
	for i, v := range Variants() {
		r := results[i].Verdict
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %.0f s | %.0f |\n",
			v.Settings, r.MaxPods, r.Swings, r.MaxLag, r.PlateauLag, r.Drained, r.PodSeconds)
	}
	return b.String()
}
