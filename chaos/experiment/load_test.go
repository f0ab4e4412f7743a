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

// What clients of both kinds know is one account; the pace is that of those
// that repeat.
func TestAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := &load{keyed: []*client{{}, {}}, careless: &client{}}
	for file, c := range map[string]*client{"first": l.keyed[0], "second": l.keyed[1], "careless": l.careless} {
		c.ledger, c.done = filepath.Join(dir, file), make(chan error, 1)
		if err := os.WriteFile(c.ledger, []byte(`{"name":"`+file+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		c.report.Findings = []ledger.Finding{{Kind: "lost", Name: file}}
		c.done <- nil
	}
	a, err := l.wait()
	if err != nil || len(a.keyed) != 2 || a.keyed[1].Name != "second" || len(a.all) != 3 || len(a.found) != 3 || len(a.counts) != 3 {
		t.Errorf("got %+v, %v", a, err)
	}
	l.careless.done <- os.ErrPermission
	if _, err := l.wait(); err == nil {
		t.Error("a load that failed is an account")
	}
}
