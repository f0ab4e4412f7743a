package experiment

import (
	"context"
	"time"

	"registration.example/cluster/manifests"
	"registration.example/cluster/record"
	"registration.example/messages"
)

const (
	// largePods are those of the article, one for each partition.
	largePods = 280
	// largeRate needs 180 of them, and what waited for nodes and pods needs the rest.
	largeRate = 900
	// largeNodes are there before Karpenter adds some: those of the system itself.
	largeNodes = 1
	// largePodsPerNode is AKS' default of 30 with Azure's network plugin, less
	// three pods that every node has for itself. Karpenter's nodes take as many:
	// see controlplane/instances.json.
	largePodsPerNode = 27
)

func largeProfile() Profile {
	return stairs(20, largeRate, 12, 10*time.Second, 70*time.Second, 2*time.Minute)
}

// largeScaleDown is twice as fast as production's, to see the nodes go within the run.
var largeScaleDown = manifests.ScaleDown{Window: 90, Percent: 50, Period: 30}

// Large runs the experiment at the size of the article: 280 pods, for which
// Karpenter adds the nodes. The consumers are simulated.
func Large(ctx context.Context, o Options) (Result, error) {
	topic := string(messages.UserApproveTopic)
	s, err := prepare(ctx, o, largeNodes, largePodsPerNode, topics(largePods))
	if err != nil {
		return Result{}, err
	}
	defer s.stop()
	least, err := s.applyLarge(ctx, topic)
	if err != nil {
		return Result{}, err
	}
	t := s.newTrial(namespace, topic, service, Bounds{Min: least, Partitions: largePods, Profile: largeProfile(), Flow: perPod}, true, o.Out)
	t.over = nodesGone
	if err := s.run(ctx, t); err != nil {
		return Result{}, err
	}
	placeholders, err := s.gaveWay(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Name: o.scaling(), Samples: t.recorder.Samples(), Bounds: t.bounds, Placeholders: placeholders}
	r.judge()
	r.judgeNodes(largeNodes)
	r.judgePlaceholders()
	return r, s.plane.Ended()
}

// applyLarge applies the system with Karpenter beside it, and says how many
// pods there are at least.
func (s *setting) applyLarge(ctx context.Context, topic string) (least int, err error) {
	if err := s.serveOffsets(ctx, topic); err != nil {
		return 0, err
	}
	if err := s.plane.StartKarpenter(ctx); err != nil {
		return 0, err
	}
	objects, err := s.objects(ctx, "large")
	if err != nil {
		return 0, err
	}
	if least, err = s.scale(objects, largePods, &largeScaleDown); err != nil {
		return 0, err
	}
	return least, s.applySystem(ctx, objects, largePods)
}

// nodesGone says that most of the nodes are gone again.
func nodesGone(samples []record.Sample) bool {
	most := 0
	for _, s := range samples {
		most = max(most, s.Nodes)
	}
	return samples[len(samples)-1].Nodes <= most/2
}

// judgeNodes: nodes have to come because pods were pending, and go again.
func (r *Result) judgeNodes(first int) {
	most, pending := 0, 0
	for _, s := range r.Samples {
		most, pending = max(most, s.Nodes), max(pending, s.Pending)
	}
	if most <= first || pending == 0 {
		r.Verdict.violated("never more than %d nodes, never more than %d pending pods: no node was added for pods", most, pending)
	}
	if r.Verdict.MaxPods < largePods {
		r.Verdict.violated("never more than %d of %d pods were ready", r.Verdict.MaxPods, largePods)
	}
	if last := r.Samples[len(r.Samples)-1].Nodes; last >= most {
		r.Verdict.violated("%d nodes at the end, as many as ever: none was taken away", last)
	}
}

// judgePlaceholders: they are there to give way.
func (r *Result) judgePlaceholders() {
	if r.Placeholders == 0 {
		r.Verdict.violated("no placeholder gave way to a pod of %s", service)
	}
}
