package experiment

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"registration.example/chaos/plan"
	"registration.example/chaos/verdict"
	"registration.example/load/ledger"
)

func fine() Result {
	return Result{
		Seed: 7, Verdict: verdict.Verdict{Verdict: ledger.Verdict{Attempted: 9, Accepted: 8, Completed: 7, Failed: 1}, Recovered: 2},
		Redelivered: 5, Faults: 17, Wanted: 17, Pace: verdict.Pace{Undisturbed: 50, Back: 12, After: 49},
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	r := fine()
	const want = "attempted 9 accepted 8 completed 7 failed 1 lost 0 duplicated-effects 0 unexpected 0 regressed 0 | redelivered 5 recovered 2 | faults 17 seed 7"
	if r.String() != want || !strings.HasSuffix(r.Text(), want+"\n") || !r.OK() {
		t.Errorf("OK is %t of %s", r.OK(), r.Text())
	}
	content, err := json.Marshal(r)
	for _, want := range []string{`"attempted":9`, `"duplicated_effects":0`, `"recovered":2`, `"redelivered":5`, `"faults":17`, `"undisturbed_p99_ms":50`} {
		if err != nil || !strings.Contains(string(content), want) {
			t.Errorf("%s lacks %s, %v", content, want, err)
		}
	}
}

func TestNotOK(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*Result)
		want   string
	}{
		"lost":               {func(r *Result) { r.Lost = 1 }, "lost"},
		"duplicated":         {func(r *Result) { r.Duplicated = 1 }, "doubled"},
		"unexpected":         {func(r *Result) { r.Unexpected = 1 }, "otherwise"},
		"regressed":          {func(r *Result) { r.Regressed = 1 }, "changed"},
		"no load":            {func(r *Result) { r.Accepted = 0 }, "nothing was accepted"},
		"no redelivery":      {func(r *Result) { r.Redelivered = 0 }, "nothing was delivered twice"},
		"never itself again": {func(r *Result) { r.Pace.Back = -1 }, "the pace was not back"},
		"itself again late":  {func(r *Result) { r.Pace.Back = 31 }, "the pace was not back within 30s"},
		"too few faults":     {func(r *Result) { r.Faults = 16 }, "only 16 of 17"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := fine()
			test.change(&r)
			if r.OK() || !strings.Contains(r.Text(), "NOT OK: ") || !strings.Contains(r.Text(), test.want) {
				t.Errorf("OK is %t: %s", r.OK(), r.Text())
			}
		})
	}
}

func TestManyFindings(t *testing.T) {
	t.Parallel()
	r := fine()
	for i := range 30 {
		r.Findings = append(r.Findings, ledger.Finding{Kind: verdict.Lost, Name: fmt.Sprintf("name-%d", i)})
	}
	if text := r.Text(); strings.Count(text, "name-") != 20 || !strings.Contains(text, "and 10 more") {
		t.Error(text)
	}
}

// Three minutes have room for 15 faults and more, and for the last to end in.
func TestFaultsOfThreeMinutes(t *testing.T) {
	t.Parallel()
	o := Options{Duration: 3 * time.Minute, Rate: 50, Profile: Embedded}
	if o.faults() < 15 || o.validate() != nil {
		t.Errorf("%d faults, %v", o.faults(), o.validate())
	}
	if n := (Options{Duration: Shortest}).faults(); n < len(plan.Kinds()) {
		t.Errorf("the shortest has %d faults", n)
	}
	for _, wrong := range []Options{
		{Duration: Shortest - 1, Rate: 50, Profile: Embedded},
		{Duration: time.Hour, Profile: Embedded},
		{Duration: time.Hour, Rate: 50, Profile: "moon"},
	} {
		if wrong.validate() == nil {
			t.Errorf("%+v is valid", wrong)
		}
	}
}
