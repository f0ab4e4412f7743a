package experiment

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"registration.example/cluster/record"
)

// docs has the records that are shown.
const docs = "../../docs"

// What is drawn in docs/ is what was recorded, and the runs there that have to
// pass the verdict do, as it is today.
func TestRecordsInDocs(t *testing.T) {
	t.Parallel()
	kept := map[File]*Bounds{
		RealFile:     {Min: 2, Partitions: realPartitions, Profile: realProfile(), Flow: perPod},
		LargeFile:    {Min: 2, Partitions: largePods, Profile: largeProfile(), Flow: perPod},
		LagOnlyFile:  nil, // shows what is wrong with it
		SettingsFile: nil,
	}
	for file, bounds := range kept {
		t.Run(string(file), func(t *testing.T) {
			t.Parallel()
			runs, err := file.read(docs)
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			if err := file.draw(folder, runs); err != nil {
				t.Fatal(err)
			}
			drawn, err := os.ReadFile(file.path(folder, ".svg"))
			if err != nil {
				t.Fatal(err)
			}
			shown, err := os.ReadFile(file.path(docs, ".svg"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(drawn, shown) {
				t.Errorf("%s.svg is not drawn from its record; go run ./cluster -run draw -out docs", file)
			}
			if bounds == nil {
				return
			}
			r := Result{Samples: runs[0].Samples, Bounds: *bounds}
			r.judge()
			if file == LargeFile {
				r.judgeNodes(largeNodes)
			}
			if !r.Verdict.OK() {
				t.Error(r.Verdict)
			}
		})
	}
}

func TestKeepAndDraw(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var results []Result
	for _, v := range Variants() {
		results = append(results, Result{Name: v.Name, Samples: good()})
	}
	if err := Keep(folder, SettingsFile, results...); err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile(filepath.Join(folder, "scaling-settings.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Variants() {
		if !bytes.Contains(drawn, []byte(v.Settings)) {
			t.Errorf("the drawing lacks %q", v.Settings)
		}
	}
	if err := RealFile.draw(folder, nil); err == nil {
		t.Error("nothing was drawn, and that was no error")
	}
}

// Nodes that come without pods that wait for them, or that stay, prove nothing.
func TestJudgeNodes(t *testing.T) {
	t.Parallel()
	run := func(nodes, pending [3]int) Result {
		r := Result{Verdict: Verdict{MaxPods: largePods}}
		for i := range nodes {
			r.Samples = append(r.Samples, record.Sample{Seconds: float64(i), Nodes: nodes[i], Pending: pending[i]})
		}
		r.judgeNodes(1)
		return r
	}
	for name, test := range map[string]struct {
		nodes, pending [3]int
		ok             bool
	}{
		"come and go":          {[3]int{1, 11, 2}, [3]int{0, 9, 0}, true},
		"none comes":           {[3]int{1, 1, 1}, [3]int{0, 9, 0}, false},
		"nobody waits for one": {[3]int{1, 11, 2}, [3]int{}, false},
		"all stay":             {[3]int{1, 11, 11}, [3]int{0, 9, 0}, false},
	} {
		r := run(test.nodes, test.pending)
		if r.Verdict.OK() != test.ok {
			t.Errorf("%s: %v", name, r.Verdict)
		}
	}
}

// Room that is kept free and given to nobody proves nothing.
func TestJudgePlaceholders(t *testing.T) {
	t.Parallel()
	for placeholders, ok := range map[int]bool{0: false, 2: true} {
		r := Result{Placeholders: placeholders}
		r.judgePlaceholders()
		if r.Verdict.OK() != ok {
			t.Errorf("%d gave way: %v", placeholders, r.Verdict)
		}
	}
}

func TestUntil(t *testing.T) {
	t.Parallel()
	if err := until(t.Context(), time.Minute, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if err := until(t.Context(), time.Millisecond, func() error { return os.ErrNotExist }); err == nil {
		t.Error("until succeeded with what never does")
	}
}
