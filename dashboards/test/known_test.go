package test

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	approvals "registration.example/approval-service/app"
	operations "registration.example/operation-service/app"
	"registration.example/service"
	"registration.example/sidecar/memory"
	users "registration.example/user-service/app"
)

// metric is one that may be asked for.
type metric struct {
	// identity are the labels that tell its series apart, for whoever exports them.
	identity []string
	// labels are its others.
	labels []string
	// shared metrics speak of things that are there once, whoever tells: two
	// exporters export the same twice.
	shared bool
}

// Those who export what is not the services' own, and where it can be read.
//
// kafka_exporter.go of danielqsj/kafka_exporter, which Strimzi starts.
var kafka = map[string]metric{
	"kafka_topic_partition_current_offset": {identity: []string{"topic", "partition"}, shared: true},
	"kafka_topic_partition_oldest_offset":  {identity: []string{"topic", "partition"}, shared: true},
	"kafka_consumergroup_current_offset":   {identity: []string{"consumergroup", "topic", "partition"}, shared: true},
	"kafka_consumergroup_lag":              {identity: []string{"consumergroup", "topic", "partition"}, shared: true},
	"kafka_consumergroup_members":          {identity: []string{"consumergroup"}, shared: true},
}

// docs/metrics/ of kubernetes/kube-state-metrics, a part of kube-prometheus-stack.
var kubeState = map[string]metric{
	"kube_horizontalpodautoscaler_spec_max_replicas":       {identity: []string{"namespace", "horizontalpodautoscaler"}, shared: true},
	"kube_horizontalpodautoscaler_status_current_replicas": {identity: []string{"namespace", "horizontalpodautoscaler"}, shared: true},
	"kube_horizontalpodautoscaler_status_desired_replicas": {identity: []string{"namespace", "horizontalpodautoscaler"}, shared: true},
	"kube_deployment_spec_replicas":                        {identity: []string{"namespace", "deployment"}, shared: true},
	"kube_deployment_status_replicas_ready":                {identity: []string{"namespace", "deployment"}, shared: true},
	"kube_node_info":                                       {identity: []string{"node"}, shared: true},
	"kube_node_status_condition":                           {identity: []string{"node", "condition", "status"}, shared: true},
	"kube_pod_container_status_restarts_total":             {identity: []string{"namespace", "pod", "container"}, shared: true},
}

// metrics/prometheus.go of google/cadvisor, in the kubelet, which adds namespace, pod and container.
var cadvisor = map[string]metric{
	"container_cpu_usage_seconds_total":  {identity: []string{"namespace", "pod", "container"}, labels: []string{"cpu", "id", "image", "name"}},
	"container_memory_working_set_bytes": {identity: []string{"namespace", "pod", "container"}, labels: []string{"id", "image", "name"}},
}

// pkg/diagnostics of dapr/dapr 1.16.5; TestDashboardsNameWhatThereIs in e2e asks real sidecars.
var daprd = map[string]metric{
	"dapr_component_pubsub_ingress_bulk_event_count": {identity: []string{"app_id", "component", "topic", "process_status"}},
	"dapr_grpc_io_server_server_latency_bucket":      {identity: []string{"app_id", "grpc_server_method", "grpc_server_status", "le"}},
}

// added are the labels that Prometheus gives each series: where it was scraped.
var added = []string{"namespace", "pod", "container", "endpoint", "instance", "job", "app"}

// catalogue is all that may be asked for. What the services have comes from
// themselves, as they are before their first request: a series that is missing
// then has no first increase.
func catalogue(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	for _, list := range []map[string]metric{kafka, kubeState, cadvisor, daprd} {
		maps.Copy(all, list)
	}
	for _, build := range []func(service.Base) service.Options{operations.Settings{}.Build, users.Build, approvals.Settings{}.Build} {
		registry := service.NewRegistry()
		build(service.Base{
			Logger: slog.New(slog.DiscardHandler), Registry: registry, Events: service.NewEventMetrics(registry),
			State: memory.NewState(), Broker: memory.NewBroker(),
		})
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if strings.HasPrefix(family.GetName(), service.MetricsNamespace) {
				addFamily(all, family)
			}
		}
	}
	return all
}

// addFamily adds a family under the names of its series.
func addFamily(to map[string]metric, family *dto.MetricFamily) {
	var labels []string
	for _, pair := range family.GetMetric()[0].GetLabel() {
		labels = append(labels, pair.GetName())
	}
	if family.GetType() != dto.MetricType_HISTOGRAM {
		to[family.GetName()] = metric{identity: labels}
		return
	}
	to[family.GetName()+"_sum"] = metric{identity: labels}
	to[family.GetName()+"_count"] = metric{identity: labels}
	to[family.GetName()+"_bucket"] = metric{identity: append(slices.Clone(labels), "le")}
}

func (m metric) has(label string) bool {
	return slices.Contains(m.identity, label) || slices.Contains(m.labels, label) || slices.Contains(added, label)
}
