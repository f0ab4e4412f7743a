package test

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

// readAlerts reads the rules as Prometheus does: a template or a query that is none is an error.
func readAlerts(t *testing.T) []rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile("../alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object struct{ Spec any }
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	spec, err := yaml.Marshal(object.Spec)
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(spec, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var alerts []rulefmt.Rule
	for _, group := range groups.Groups {
		alerts = append(alerts, group.Rules...)
	}
	return alerts
}

func TestAlertsAskForWhatExists(t *testing.T) {
	t.Parallel()
	known := catalogue(t)
	for _, alert := range readAlerts(t) {
		if err := check(known, alert.Expr); err != nil {
			t.Errorf("%s: %v", alert.Alert, err)
		}
	}
}

// TestScalerAsksForWhatExists: KEDA's query is one of the same Prometheus.
func TestScalerAsksForWhatExists(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../k8s/options/lag-and-rate/trigger.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var patch []struct{ Value any }
	if err := yaml.Unmarshal(text, &patch); err != nil {
		t.Fatal(err)
	}
	asked := false
	for _, change := range patch {
		trigger, _ := change.Value.(map[string]any)
		metadata, _ := trigger["metadata"].(map[string]any)
		if query, ok := metadata["query"].(string); ok {
			asked = true
			if err := check(catalogue(t), query); err != nil {
				t.Error(err)
			}
		}
	}
	if !asked {
		t.Error("it asks nothing")
	}
}

var namedPanel = regexp.MustCompile(`panel "([^"]+)"`)

// TestEveryAlertExplainsItself: how urgent it is, what it means, what to do.
func TestEveryAlertExplainsItself(t *testing.T) {
	t.Parallel()
	var titles []string
	_, panels := readDashboard(t)
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	for _, alert := range readAlerts(t) {
		if severity := alert.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s has the severity %q", alert.Alert, severity)
		}
		const sentences = 80
		if alert.Annotations["summary"] == "" || len(alert.Annotations["description"]) < sentences {
			t.Errorf("%s says %v", alert.Alert, alert.Annotations)
		}
		for _, match := range namedPanel.FindAllStringSubmatch(alert.Annotations["description"], -1) {
			if !slices.Contains(titles, match[1]) {
				t.Errorf("%s names the panel %q, which does not exist", alert.Alert, match[1])
			}
		}
	}
}

// firing plays a scenario, a minute at a time, and gives what the alert says then.
func firing(t *testing.T, alert rulefmt.Rule, series string, until time.Duration) []string {
	t.Helper()
	expr, err := parse(alert.Expr)
	if err != nil {
		t.Fatal(err)
	}
	rule := rules.NewAlertingRule(alert.Alert, expr, time.Duration(alert.For), time.Duration(alert.KeepFiringFor),
		labels.FromMap(alert.Labels), labels.FromMap(alert.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
	storage := promqltest.LoadedStorage(t, "load 1m\n"+series)
	const samples = 10000
	query := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 0, samples), storage)
	for at := time.Duration(0); at <= until; at += time.Minute {
		if _, err := rule.Eval(t.Context(), 0, time.Unix(0, 0).Add(at), query, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	var said []string
	for _, active := range rule.ActiveAlerts() {
		if active.State == rules.StateFiring {
			said = append(said, active.Annotations.Get("summary"))
		}
		for _, text := range active.Annotations.Map() {
			if strings.Contains(text, "error expanding") || strings.Contains(text, "no value") {
				t.Errorf("%s", text)
			}
		}
	}
	slices.Sort(said)
	return said
}

func TestAlertsFire(t *testing.T) {
	t.Parallel()
	alerts := map[string]rulefmt.Rule{}
	for _, alert := range readAlerts(t) {
		alerts[alert.Alert] = alert
	}
	fired, silent := map[string]bool{}, map[string]bool{}
	for _, s := range scenarios {
		alert, ok := alerts[s.alert]
		if !ok {
			t.Errorf("there is no alert %s", s.alert)
			continue
		}
		if len(s.says) > 0 {
			fired[s.alert] = true
		} else {
			silent[s.alert] = true
		}
		t.Run(s.alert+"/"+s.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(s.says, firing(t, alert, s.series, s.until)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name := range alerts {
		if !fired[name] || !silent[name] {
			t.Errorf("%s: no scenario in which it fires, or none in which it is silent", name)
		}
	}
}
