package experiment

import (
	"os"
	"path/filepath"
	"testing"

	"registration.example/load/ledger"
)

func TestReadLedger(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "ledger.jsonl")
	if _, err := readLedger(name); err == nil {
		t.Error("a ledger that does not exist was read")
	}
	for text, want := range map[string]int{
		"": 0,
		`{"name":"a","state":"completed"}` + "\n" + `{"name":"b","state":"attempted"}` + "\n": 2,
		`{"name":"a"}` + "\n" + `{"name":`: -1,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		lines, err := readLedger(name)
		if (err != nil) != (want < 0) || err == nil && len(lines) != want {
			t.Errorf("%q: %d lines, %v", text, len(lines), err)
		}
		if want == 2 && (lines[0].State != ledger.Completed || lines[1].Name != "b") {
			t.Errorf("got %+v", lines)
		}
	}
}

// What clients of all groups know is one account; the pace is that of those
// that repeat.
func TestAccount(t *testing.T) {
	t.Parallel()
	l := &load{options: Options{Seed: 7, Folder: t.TempDir()}}
	names := map[uint64]bool{}
	for _, keys := range []bool{true, false, true} {
		c := l.add(10, 0, keys)
		names[c.options.Seed] = true
		if err := os.WriteFile(c.ledger, []byte(`{"name":"a"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		c.report.Findings = []ledger.Finding{{Kind: "lost"}}
		c.done <- nil
	}
	a, err := l.wait()
	if err != nil || len(a.keyed) != 2 || len(a.all) != 3 || len(a.found) != 3 || len(a.counts) != 3 || len(names) != 3 {
		t.Errorf("got %+v, %v", a, err)
	}
	l.groups[0].done <- os.ErrPermission
	if _, err := l.wait(); err == nil {
		t.Error("a load that failed is an account")
	}
}
