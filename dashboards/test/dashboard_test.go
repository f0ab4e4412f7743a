package test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const dashboardFile = "../registration.json"

// panel is what is looked at of a panel.
type panel struct {
	Type, Title, Description string
	ID                       *int
	Datasource               struct{ UID string }
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []target
	FieldConfig              struct {
		Defaults struct{ Unit string }
	}
}

// target is one query of a panel.
type target struct {
	Expr, LegendFormat string
	Datasource         struct{ UID string }
}

func readDashboard(t *testing.T) (text []byte, panels []panel) {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Panels []panel }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return text, all.Panels
}

// schema reads a dashboard as Grafana's own schema has it: an unknown field, a
// wrong type or a value that is none of an enumeration is an error.
func schema(text []byte) error {
	plugins.RegisterDefaultPlugins()
	var d dashboard.Dashboard //nolint:staticcheck // the schema of a file; its successor is one of Kubernetes objects
	err := d.UnmarshalJSONStrict(text)
	// It gives a list of errors, and an empty list where there are none.
	if list := cog.BuildErrors(nil); err != nil && (!errors.As(err, &list) || len(list) > 0) {
		return err
	}
	return d.Validate()
}

// TestDashboardIsOfGrafanasSchema, and what is not of it is noticed.
func TestDashboardIsOfGrafanasSchema(t *testing.T) {
	t.Parallel()
	text, _ := readDashboard(t)
	if err := schema(text); err != nil {
		t.Error(err)
	}
	for name, change := range map[string][2]string{
		"an unknown field":            {`"refresh"`, `"refreshing"`},
		"a wrong type":                {`"schemaVersion": 42`, `"schemaVersion": "42"`},
		"a field that no panel has":   {`"gridPos"`, `"grid"`},
		"a field that no query has":   {`"expr"`, `"query"`},
		"an option of no time series": {`"tooltip"`, `"hint"`},
		"a style that no curve has":   {`"fillOpacity"`, `"fill"`},
	} {
		if broken := strings.Replace(string(text), change[0], change[1], 1); broken == string(text) || schema([]byte(broken)) == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}

// TestDashboardMayBeImportedAnywhere: its address is fixed, and whose Prometheus
// it asks is chosen where it is shown.
func TestDashboardMayBeImportedAnywhere(t *testing.T) {
	t.Parallel()
	text, panels := readDashboard(t)
	var d struct {
		ID         *int
		UID        string
		Templating struct {
			List []struct{ Type, Name, Query string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != nil || d.UID != "registration" {
		t.Errorf("id %v, uid %q", d.ID, d.UID)
	}
	if len(d.Templating.List) != 1 || d.Templating.List[0].Type != "datasource" || d.Templating.List[0].Query != "prometheus" {
		t.Errorf("variables %+v", d.Templating.List)
	}
	for _, p := range panels {
		if p.Type == "row" {
			continue // its id is required by the schema
		}
		if p.ID != nil {
			t.Errorf("%s has the id %d, which Grafana gives", p.Title, *p.ID)
		}
		if p.Datasource.UID != "${datasource}" {
			t.Errorf("%s asks %q", p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s asks %q", p.Title, target.Datasource.UID)
			}
		}
	}
}

// TestEveryPanelExplainsItself.
func TestEveryPanelExplainsItself(t *testing.T) {
	t.Parallel()
	const sentences = 80 // characters at least: what it means, and what to do
	_, panels := readDashboard(t)
	titles := map[string]bool{}
	for _, p := range panels {
		if p.Title == "" || titles[p.Title] {
			t.Errorf("the title %q is none, or another panel's", p.Title)
		}
		titles[p.Title] = true
		if p.Type == "row" {
			continue
		}
		if len(p.Description) < sentences || !strings.HasSuffix(p.Description, ".") {
			t.Errorf("%s: its description is %q", p.Title, p.Description)
		}
		if p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s has no unit", p.Title)
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			if target.LegendFormat == "" {
				t.Errorf("%s: a curve has no name", p.Title)
			}
		}
	}
}

// TestPanelsFillTheirRows: none covers another one, and none leaves a hole.
func TestPanelsFillTheirRows(t *testing.T) {
	t.Parallel()
	const columns = 24
	_, panels := readDashboard(t)
	taken := map[[2]int]string{}
	bottom := 0
	for _, p := range panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= columns {
					t.Fatalf("%s is over %q or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
	}
	if len(taken) != columns*bottom {
		t.Errorf("%d of %d places are empty", columns*bottom-len(taken), columns*bottom)
	}
}
