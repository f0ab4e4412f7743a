package test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"registration.example/k8s/test/manifests"
	"registration.example/messages"
)

// stack is what is looked at of the values of kube-prometheus-stack.
type stack struct {
	Prometheus struct {
		PrometheusSpec struct {
			PodMonitorSelectorNilUsesHelmValues, RuleSelectorNilUsesHelmValues *bool
		}
	}
	Grafana struct {
		Sidecar struct {
			Dashboards struct {
				Enabled                            bool
				Label, LabelValue, SearchNamespace string
			}
		}
	}
}

// TestDashboardIsFound: Grafana's sidecar looks for the label that the ConfigMap
// has, wherever it is, and Prometheus takes rules of every namespace.
func TestDashboardIsFound(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../platform/values/kube-prometheus-stack.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values stack
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	spec := values.Prometheus.PrometheusSpec
	for what, limited := range map[string]*bool{"monitors": spec.PodMonitorSelectorNilUsesHelmValues, "rules": spec.RuleSelectorNilUsesHelmValues} {
		if limited == nil || *limited {
			t.Errorf("Prometheus takes only %s of its own release", what)
		}
	}
	file, err := os.ReadFile("../../dashboards/registration.json")
	if err != nil {
		t.Fatal(err)
	}
	dashboards := values.Grafana.Sidecar.Dashboards
	for _, name := range []string{"kind", "aks", "aks-cluster-autoscaler"} {
		objects := overlay(t, name)
		found := 0
		for _, configMap := range objects.Kind("ConfigMap") {
			if value, ok := configMap.GetLabels()[dashboards.Label]; ok && value == dashboards.LabelValue {
				data, _ := configMap.Object["data"].(map[string]any)
				if data["registration.json"] == string(file) {
					found++
				}
			}
		}
		if found != 1 || !dashboards.Enabled || dashboards.SearchNamespace != "ALL" {
			t.Errorf("%s: Grafana finds the dashboard %d times with %+v", name, found, dashboards)
		}
		if objects.Find("PrometheusRule", "registration") == nil {
			t.Errorf("%s has no alerts", name)
		}
	}
}

// TestExporterTellsOfEveryTopic: of dead letters too, which an alert waits for,
// and of every consumer group.
func TestExporterTellsOfEveryTopic(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "aks")
	kafka, err := manifests.Read[struct {
		Spec struct {
			KafkaExporter struct{ TopicRegex, GroupRegex string }
		}
	}](objects.Find("Kafka", "kafka"))
	if err != nil {
		t.Fatal(err)
	}
	topics, groups := regexp.MustCompile(kafka.Spec.KafkaExporter.TopicRegex), regexp.MustCompile(kafka.Spec.KafkaExporter.GroupRegex)
	for _, topic := range messages.Topics() {
		for _, name := range []string{string(topic), string(topic.DeadLetter())} {
			if !topics.MatchString(name) {
				t.Errorf("the exporter of Kafka is silent about %s", name)
			}
		}
	}
	for _, deployment := range objects.Kind("Deployment") {
		if name := deployment.GetName(); strings.HasSuffix(name, "-service") && !groups.MatchString(name) {
			t.Errorf("the exporter of Kafka is silent about the group %s", name)
		}
	}
}
