package test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// rateInterval stands in for $__rate_interval, which Grafana replaces.
const rateInterval = 61 * time.Second

func parse(expr string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(expr, "$__rate_interval", rateInterval.String()))
}

// check says what is wrong with a query.
func check(known map[string]metric, expr string) error {
	parsed, err := parse(expr)
	if err != nil {
		return err
	}
	var errs []error
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			m, ok := known[selector.Name]
			if !ok {
				errs = append(errs, fmt.Errorf("nobody is known to export %s", selector.Name))
				return nil
			}
			errs = append(errs, m.checkLabels(selector, path), m.checkOnce(selector, path))
		}
		return nil
	})
	return errors.Join(errs...)
}

// checkLabels wants the labels of a selector, and of what it stands in, to be the metric's.
func (m metric) checkLabels(selector *parser.VectorSelector, path []parser.Node) error {
	var asked []string
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name != model.MetricNameLabel {
			asked = append(asked, matcher.Name)
		}
	}
	for _, node := range path {
		if aggregation, ok := node.(*parser.AggregateExpr); ok {
			asked = append(asked, aggregation.Grouping...)
		}
	}
	for _, label := range asked {
		if !m.has(label) {
			return fmt.Errorf("%s has no label %s", selector.Name, label)
		}
	}
	return nil
}

// checkOnce wants what every exporter tells to be taken from one of them, by
// max over series of the same thing, before anything is added or counted. The
// original's dashboard added up one exporter per pod, and showed 280 times the rate.
func (m metric) checkOnce(selector *parser.VectorSelector, path []parser.Node) error {
	if !m.shared {
		return nil
	}
	for _, node := range slices.Backward(path) {
		aggregation, ok := node.(*parser.AggregateExpr)
		if !ok {
			continue
		}
		if aggregation.Op != parser.MAX || aggregation.Without {
			return fmt.Errorf("%s of %s: each exporter counts", aggregation.Op, selector.Name)
		}
		for _, label := range m.identity {
			if !slices.Contains(aggregation.Grouping, label) && !pinned(selector, label) {
				return fmt.Errorf("max over different %ss of %s", label, selector.Name)
			}
		}
		return nil
	}
	return nil
}

// pinned says whether a selector takes one value of a label.
func pinned(selector *parser.VectorSelector, label string) bool {
	return slices.ContainsFunc(selector.LabelMatchers, func(matcher *labels.Matcher) bool {
		return matcher.Name == label && matcher.Type == labels.MatchEqual
	})
}

// checkPanel also wants rates over the time that fits what is shown, and names
// of curves from labels that are left.
func checkPanel(known map[string]metric, query target) error {
	if err := check(known, query.Expr); err != nil {
		return err
	}
	parsed, err := parse(query.Expr)
	if err != nil {
		return err
	}
	var errs []error
	var left []string
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		switch node := node.(type) {
		case *parser.AggregateExpr:
			left = append(left, node.Grouping...)
		case *parser.MatrixSelector:
			call, ok := path[len(path)-1].(*parser.Call)
			if ok && call.Func.Name == "rate" && node.Range != rateInterval {
				errs = append(errs, fmt.Errorf("a rate over %s, whatever is shown", node.Range))
			}
		}
		return nil
	})
	for _, match := range legendLabel.FindAllStringSubmatch(query.LegendFormat, -1) {
		if !slices.Contains(left, match[1]) {
			errs = append(errs, fmt.Errorf("the curve's name has the label %s, and the curve has not", match[1]))
		}
	}
	return errors.Join(errs...)
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

func TestPanelsAskForWhatExists(t *testing.T) {
	t.Parallel()
	known := catalogue(t)
	_, panels := readDashboard(t)
	for _, p := range panels {
		for _, query := range p.Targets {
			if err := checkPanel(known, query); err != nil {
				t.Errorf("%s: %v\n%s", p.Title, err, query.Expr)
			}
		}
	}
}

// TestMistakesAreNoticed: else the test above could not fail.
func TestMistakesAreNoticed(t *testing.T) {
	t.Parallel()
	known := catalogue(t)
	for name, mistake := range map[string]struct{ expr, legend, want string }{
		"no query":               {`sum(rate(registration_redeliveries_total[$__rate_interval])`, "", "unclosed"},
		"a metric of nobody":     {`sum(rate(registration_redelivery_total[$__rate_interval]))`, "", "nobody is known to export registration_redelivery_total"},
		"a histogram's family":   {`registration_saga_duration_seconds`, "", "nobody is known"},
		"not yet exported":       {`sum(dapr_component_pubsub_egress_bulk_event_count)`, "", "nobody is known"},
		"a label of nobody":      {`sum(rate(registration_operations_total{status="pending"}[$__rate_interval]))`, "", "has no label status"},
		"grouped by nothing":     {`sum by (topics) (registration_redeliveries_total)`, "", "has no label topics"},
		"a name without label":   {`sum by (topic) (registration_redeliveries_total)`, "{{state}}", "the curve has not"},
		"a rate of its own":      {`sum(rate(registration_redeliveries_total[1m]))`, "", "a rate over 1m"},
		"the original's mistake": {`sum(rate(kafka_topic_partition_current_offset[$__rate_interval]))`, "", "sum of kafka_topic_partition_current_offset: each exporter counts"},
		"and by topic":           {`sum by (topic) (rate(kafka_topic_partition_current_offset[$__rate_interval]))`, "", "each exporter counts"},
		"the largest partition":  {`sum by (topic) (max by (topic) (kafka_topic_partition_current_offset))`, "", "max over different partitions"},
		"nodes, twice":           {`count(kube_node_info)`, "", "each exporter counts"},
	} {
		err := checkPanel(known, target{Expr: mistake.expr, LegendFormat: mistake.legend})
		if err == nil || !strings.Contains(err.Error(), mistake.want) {
			t.Errorf("%s: got %v, want %q", name, err, mistake.want)
		}
	}
}

// TestNothingIsKnownInVain: a name that nobody asks for is not looked at either.
func TestNothingIsKnownInVain(t *testing.T) {
	t.Parallel()
	asked := map[string]bool{}
	note := func(expr string) {
		if parsed, err := parse(expr); err == nil {
			for _, selectors := range parser.ExtractSelectors(parsed) {
				asked[selectors[slices.IndexFunc(selectors, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel })].Value] = true
			}
		}
	}
	_, panels := readDashboard(t)
	for _, p := range panels {
		for _, query := range p.Targets {
			note(query.Expr)
		}
	}
	for _, alert := range readAlerts(t) {
		note(alert.Expr)
	}
	for _, list := range []map[string]metric{kafka, kubeState, cadvisor, daprd} {
		for name := range list {
			if !asked[name] {
				t.Errorf("nobody asks for %s", name)
			}
		}
	}
}
