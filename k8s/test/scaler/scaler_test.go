package scaler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"registration.example/k8s/test/broker"
	"registration.example/k8s/test/manifests"
)

const (
	topic = "user-approve"
	group = "approval-service"
)

// fixture is KEDA's scaler reading the ScaledObject as it is deployed, the
// broker's address apart.
type fixture struct {
	objects manifests.Objects
	scaler  scalers.Scaler
	// connect makes a client that may do everything.
	connect      func(...kgo.Opt) (*kgo.Client, error)
	partitions   int32
	lagThreshold int64
}

// The ScaledObject by the lag alone, and by lag and rate.
const (
	base = "../../base"
	aks  = "../../overlays/aks"
)

// newFixture starts a broker as the manifests want it: TLS, logins, rights; and
// the scaler of a folder.
func newFixture(t *testing.T, folder string) (*fixture, *broker.Broker) {
	t.Helper()
	objects, b := broker.Deployed(t, aks)
	f := &fixture{objects: objects, connect: b.Client}
	f.start(t, folder, b.Addr, func(trigger kedav1alpha1.ScaleTriggers) map[string]string {
		return authParams(t, objects, b.CA, trigger.AuthenticationRef.Name)
	})
	return f, b
}

// start makes the scaler of the first trigger of a folder's ScaledObject.
func (f *fixture) start(t *testing.T, folder, addr string, auth func(kedav1alpha1.ScaleTriggers) map[string]string) {
	t.Helper()
	objects, err := manifests.Render(folder)
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := manifests.Decode[kedav1alpha1.ScaledObject](objects.Find("ScaledObject", group))
	if err != nil {
		t.Fatal(err)
	}
	f.partitions = partitions(t, f.objects)
	f.commit(t, 0)
	trigger := scaled.Spec.Triggers[0]
	if _, err := fmt.Sscan(trigger.Metadata["lagThreshold"], &f.lagThreshold); err != nil {
		t.Fatal(err)
	}
	trigger.Metadata["bootstrapServers"] = addr
	params := auth(trigger)
	f.scaler, err = scalers.NewKafkaScaler(t.Context(), &scalersconfig.ScalerConfig{
		ScalableObjectName:      scaled.Name,
		ScalableObjectNamespace: scaled.Namespace,
		TriggerName:             trigger.Name,
		TriggerType:             trigger.Type,
		TriggerMetadata:         trigger.Metadata,
		AuthParams:              params,
		MetricType:              trigger.MetricType,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.scaler.Close(context.Background()) })
}

// authParams resolves the TriggerAuthentication as KEDA's operator would, from
// the Secrets that Strimzi makes.
func authParams(t *testing.T, objects manifests.Objects, ca, name string) map[string]string {
	t.Helper()
	authentication, err := manifests.Decode[kedav1alpha1.TriggerAuthentication](objects.Find("TriggerAuthentication", name))
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"keda/password":                broker.Password("keda"),
		"kafka-cluster-ca-cert/ca.crt": ca,
	}
	params := map[string]string{}
	for _, ref := range authentication.Spec.SecretTargetRef {
		value, ok := secrets[ref.Name+"/"+ref.Key]
		if !ok {
			t.Fatalf("nobody makes the key %s of a Secret %s", ref.Key, ref.Name)
		}
		params[ref.Parameter] = value
	}
	for _, ref := range authentication.Spec.ConfigMapTargetRef {
		data, err := manifests.Read[struct{ Data map[string]string }](objects.Find("ConfigMap", ref.Name))
		if err != nil {
			t.Fatal(err)
		}
		params[ref.Parameter] = data.Data[ref.Key]
	}
	return params
}

func partitions(t *testing.T, objects manifests.Objects) int32 {
	t.Helper()
	kafkaTopic, err := manifests.Read[struct{ Spec struct{ Partitions int32 } }](objects.Find("KafkaTopic", topic))
	if err != nil {
		t.Fatal(err)
	}
	return kafkaTopic.Spec.Partitions
}

// commit sets the group's offset in every partition.
func (f *fixture) commit(t *testing.T, at int64) {
	t.Helper()
	client, err := f.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets := kadm.Offsets{}
	for p := range f.partitions {
		offsets.AddOffset(topic, p, at, -1)
	}
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

// produce writes n records to the topic, evenly over its partitions.
func (f *fixture) produce(t *testing.T, n int64) {
	t.Helper()
	client, err := f.connect(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i) % f.partitions, Value: []byte("{}")}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// replicas is what the autoscaler makes of the metric: its target is an average.
func (f *fixture) replicas(t *testing.T) (replicas int64, active bool) {
	t.Helper()
	spec := f.scaler.GetMetricSpecForScaling(t.Context())[0].External
	if spec.Target.Type != autoscalingv2.AverageValueMetricType || spec.Target.AverageValue.Value() != f.lagThreshold {
		t.Fatalf("target is %v of %v, want the average of %d", spec.Target.Type, spec.Target.AverageValue, f.lagThreshold)
	}
	values, active, err := f.scaler.GetMetricsAndActivity(t.Context(), spec.Metric.Name)
	if err != nil {
		t.Fatal(err)
	}
	lag := values[0].Value.Value()
	return (lag + f.lagThreshold - 1) / f.lagThreshold, active
}

// TestReplicasFollowTheLag goes up a growing backlog, of which a replica has
// lagThreshold.
func TestReplicasFollowTheLag(t *testing.T) {
	t.Parallel()
	t.Run("base", func(t *testing.T) {
		t.Parallel()
		f, _ := newFixture(t, base)
		f.followTheLag(t, evenly)
	})
	t.Run("lag and rate", func(t *testing.T) {
		t.Parallel()
		f, _ := newFixture(t, aks)
		f.followTheLag(t, asItIs)
	})
}

// step is a lag and the replicas that it takes.
type step struct{ lag, replicas int64 }

// evenly asks for divisors of the number of partitions only, and never for more
// than there are partitions.
var evenly = []step{
	{1, 1},
	{4, 1},
	{5, 2},
	{28, 8}, // 7 is no divisor of 120
	{100, 30},
	{470, 120},
	{480, 120},
	{481, 120},
	{489, 120}, // without even distribution this would ask for one more than there are partitions
	{5000, 120},
}

// asItIs asks for any number; that of KEDA's cap is one too high, and
// maxReplicaCount holds.
var asItIs = []step{{1, 1}, {10, 1}, {11, 2}, {70, 7}, {1190, 119}, {1200, 120}, {1209, 121}, {5000, 120}}

func (f *fixture) followTheLag(t *testing.T, steps []step) {
	t.Helper()
	if got, active := f.replicas(t); got > 1 || active {
		t.Errorf("without lag: %d replicas, active %t; want 1 at most, not active", got, active)
	}
	produced := int64(0)
	for _, want := range steps {
		f.produce(t, want.lag-produced)
		produced = want.lag
		if got, active := f.replicas(t); got != want.replicas || !active {
			t.Errorf("lag %d: %d replicas, active %t; want %d, active", want.lag, got, active, want.replicas)
		}
	}
}

// TestCapIsThePartitions holds the three places that say how many replicas can work.
func TestCapIsThePartitions(t *testing.T) {
	t.Parallel()
	objects, err := manifests.Render(aks)
	if err != nil {
		t.Fatal(err)
	}
	scaled, err := manifests.Decode[kedav1alpha1.ScaledObject](objects.Find("ScaledObject", group))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *scaled.Spec.MaxReplicaCount, partitions(t, objects); got != want {
		t.Errorf("maxReplicaCount %d, want the number of partitions, %d", got, want)
	}
}

// TestGroupWithoutOffsets: what was published before the first consumer counts.
func TestGroupWithoutOffsets(t *testing.T) {
	t.Parallel()
	f, _ := newFixture(t, base)
	f.commit(t, -1)
	f.produce(t, 12)
	if got, active := f.replicas(t); got != 12/f.lagThreshold || !active {
		t.Errorf("%d replicas, active %t; want %d, active", got, active, 12/f.lagThreshold)
	}
}

// TestKedaMayOnlyLook: its Kafka user can neither read nor write.
func TestKedaMayOnlyLook(t *testing.T) {
	t.Parallel()
	_, b := newFixture(t, base)
	client, err := b.ClientOf("keda")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.FetchOffsets(t.Context(), group); err != nil {
		t.Errorf("look at the offsets of %s: %v", group, err)
	}
	for what, err := range map[string]error{
		"delete a topic":                 deleteTopic(t, admin),
		"commit offsets":                 admin.CommitAllOffsets(t.Context(), group, kadm.Offsets{topic: {0: {Topic: topic, At: 5}}}),
		"look at another group's offset": offsetsOf(t, admin, "user-service"),
	} {
		if err == nil || !strings.Contains(err.Error(), "AUTHORIZATION_FAILED") {
			t.Errorf("%s: %v, want that it is not allowed", what, err)
		}
	}
}

func deleteTopic(t *testing.T, admin *kadm.Client) error {
	t.Helper()
	response, err := admin.DeleteTopic(t.Context(), topic)
	if err != nil {
		return err
	}
	return response.Err
}

func offsetsOf(t *testing.T, admin *kadm.Client, group string) error {
	t.Helper()
	_, err := admin.FetchOffsets(t.Context(), group)
	return err
}
