package experiment

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"registration.example/cluster/manifests"
	"registration.example/cluster/pods"
	"registration.example/cluster/record"
	"registration.example/load/generator"
	"registration.example/messages"
)

// What the run with real processes is like.
const (
	realNodes      = 5
	realPartitions = 24
	// realRate is the full load: 12 replicas with two partitions each do it, and
	// have a quarter of their time left.
	realRate = 45
	// perPod is how many records a second a replica does: one takes 200 ms.
	perPod = 5
	// eventsPerOperation: each operation is a record on each of the four topics.
	eventsPerOperation = 4

	requestLimit = 10 * time.Second
	drainLimit   = 2 * time.Minute
	denied       = 0.1
	lookedAt     = 100 // ended operations that are asked for again
)

func realProfile() Profile {
	return stairs(5, realRate, 5, 20*time.Second, 50*time.Second, 2*time.Minute)
}

// Real runs the experiment with real services and real sidecars, one process
// each for every pod.
func Real(ctx context.Context, o Options) (Result, error) {
	s, err := prepare(ctx, o, realNodes, podsPerNode, topics(realPartitions))
	if err != nil {
		return Result{}, err
	}
	defer s.stop()
	if err := s.serveOffsets(ctx, sagaTopics()...); err != nil {
		return Result{}, err
	}
	objects, least, err := s.realObjects(ctx)
	if err != nil {
		return Result{}, err
	}
	runner, err := s.runPods(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := s.applySystem(ctx, objects, realPartitions); err != nil {
		return Result{}, err
	}
	return s.measure(ctx, runner, least)
}

// runPods lets pods have processes, until the setting stops.
func (s *setting) runPods(ctx context.Context) (*pods.Runner, error) {
	paths, err := s.buildServices(ctx)
	if err != nil {
		return nil, err
	}
	runner, err := pods.New(pods.Options{
		Client: s.plane.Client(), Namespace: namespace, Programs: paths, Folder: filepath.Join(s.o.Folder, "pods"),
		PortBase: s.o.PortBase + podPorts, MaxPods: maxPods, Env: []string{s.plane.Mark()},
		SentryAddress: s.plane.SentryAddress(), OperatorAddress: s.plane.OperatorAddress(), Out: s.o.Out,
	})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	var helper sync.WaitGroup
	helper.Go(func() { runner.Run(running) })
	s.stops = append(s.stops, func() {
		stop()
		helper.Wait()
	})
	return runner, nil
}

// realObjects are the manifests for this run.
func (s *setting) realObjects(ctx context.Context) (objects []manifests.Object, least int, err error) {
	if objects, err = s.objects(ctx, s.o.overlay()); err != nil {
		return nil, 0, err
	}
	if err := manifests.Connect(objects, s.broker); err != nil {
		return nil, 0, err
	}
	least, err = s.scale(objects, realPartitions, nil)
	return objects, least, err
}

// scale fits the ScaledObject of the service, and says how many replicas it has at least.
func (s *setting) scale(objects []manifests.Object, partitions int, down *manifests.ScaleDown) (least int, err error) {
	scaled, err := manifests.Find(objects, "ScaledObject", service)
	if err != nil {
		return 0, err
	}
	if least, err = manifests.MinReplicas(scaled); err != nil {
		return 0, err
	}
	return least, manifests.Scale(scaled, manifests.Scaling{
		Broker: s.broker, Prometheus: s.prometheus, Topic: string(messages.UserApproveTopic), Group: service,
		Min: least, Max: partitions, TimeLapse: timeLapse, LagOnly: s.o.LagOnly, ScaleDown: down,
	})
}

// applySystem applies the secrets that an operator of a cluster makes by
// himself, then the manifests.
func (s *setting) applySystem(ctx context.Context, objects []manifests.Object, partitions int32) error {
	if !s.o.Kafka {
		if err := s.makeGroup(ctx, service, string(messages.UserApproveTopic), partitions); err != nil {
			return err
		}
	}
	before := prerequisites(namespace, "operation-service", "user-service", service)
	if err := s.apply(ctx, before); err != nil {
		return err
	}
	return s.apply(ctx, objects)
}

// prerequisites are a namespace and the tokens between services and sidecars in
// it. KEDA, too, wants the secrets that the Deployment names.
func prerequisites(namespace string, apps ...string) []manifests.Object {
	objects := []manifests.Object{{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}}
	for _, app := range apps {
		for _, token := range []string{"-app-token", "-api-token"} {
			objects = append(objects, manifests.Object{
				"apiVersion": "v1", "kind": "Secret",
				"metadata": map[string]any{"name": app + token, "namespace": namespace},
				"data":     map[string]any{"token": base64.StdEncoding.EncodeToString([]byte(rand.Text()))},
			})
		}
	}
	return objects
}

// measure waits until the system is ready, and does the experiment.
func (s *setting) measure(ctx context.Context, runner *pods.Runner, least int) (Result, error) {
	if err := s.awaitReady(ctx, namespace, least); err != nil {
		return Result{}, err
	}
	target, users, err := awaitServices(ctx, runner)
	if err != nil {
		return Result{}, fmt.Errorf("%w; logs are in %s", err, s.o.Folder)
	}
	profile := realProfile()
	recorder := record.New(record.Options{
		Client: s.plane.Client(), Admin: s.admin,
		Watched:   record.Watched{Topics: sagaTopics(), Scaled: string(messages.UserApproveTopic), Group: service},
		Namespace: namespace, App: service, Autoscaler: service,
		Offered: profile.At, Out: s.o.Out,
	})
	recording, stop := context.WithCancel(ctx)
	defer stop()
	var helpers sync.WaitGroup
	start := time.Now()
	helpers.Go(func() { recorder.Run(recording, start) })
	reports, err := runLoad(ctx, profile, generator.Options{
		Target: target, UsersTarget: users, Clients: 64, Timeout: requestLimit, Drain: drainLimit, Keys: true, Deny: denied, Check: lookedAt,
	}, s.o.Folder)
	if err != nil {
		return Result{}, err
	}
	awaitEnd(ctx, recorder, start.Add(profile.End()+backLimit), least, nil)
	stop()
	helpers.Wait()
	r := Result{
		Name: s.o.scaling(), Samples: recorder.Samples(), Reports: reports, Restarts: runner.Restarts(),
		Bounds: Bounds{Min: least, Partitions: realPartitions, Profile: profile, Flow: perPod},
	}
	r.judge()
	return r, s.plane.Ended()
}

// awaitServices waits for the services that clients talk to.
func awaitServices(ctx context.Context, runner *pods.Runner) (operations, users string, err error) {
	err = until(ctx, readyLimit, func() error {
		operations, users = runner.URL("operation-service"), runner.URL("user-service")
		if operations == "" || users == "" {
			return fmt.Errorf("operation-service is ready at %q, user-service at %q", operations, users)
		}
		return nil
	})
	return operations, users, err
}
