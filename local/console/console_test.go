package console_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"registration.example/local/console"
)

func TestParse(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	const start = `{"time":"2026-01-02T03:04:05.678Z","level":`
	for name, test := range map[string]struct {
		line string
		want console.Entry
	}{
		"operation": {
			start + `"INFO","msg":"operation pending","service":"operation-service","operation_id":"42","trace_id":"7"}`,
			console.Entry{Time: at, Text: "operation pending      42"},
		},
		"user, with a name that would move the cursor": {
			start + `"INFO","msg":"user approved","operation_id":"42","name":"\u001b[2Jhans"}`,
			console.Entry{Time: at, Text: `user approved          42  "\x1b[2Jhans"`},
		},
		"warning": {
			start + `"WARN","msg":"not ready","service":"x","reason":"no subscription","part":"sidecar"}`,
			console.Entry{Time: at, Text: "WARN  p: not ready  part=sidecar  reason=no subscription", Trouble: true},
		},
		"error of an operation": {
			start + `"ERROR","msg":"dead letter","operation_id":"42","attempt":3}`,
			console.Entry{Time: at, Text: "ERROR  p: dead letter  42  attempt=3", Trouble: true},
		},
		"sidecar's error": {
			`time="2026-01-02T03:04:05.678Z" level=error msg="cannot \"do\" it" app_id=x`,
			console.Entry{Time: at, Text: `ERROR  p: cannot "do" it`, Trouble: true},
		},
		"plumbing":          {line: start + `"INFO","msg":"listening"}`},
		"sidecar's warning": {line: `time="2026-01-02T03:04:05.678Z" level=warning msg="mTLS is disabled"`},
		"no JSON after all": {line: "{"},
		"no time":           {line: `{"level":"ERROR","msg":"x"}`},
		"the CLI's words":   {line: "Starting Dapr with id x"},
		"empty":             {line: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := console.Parse("p", test.line)
			if diff := cmp.Diff(test.want, got); diff != "" || ok != (test.want.Text != "") {
				t.Errorf("Parse = %t (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func line(second, level, message string) string {
	return `{"time":"2026-01-02T03:04:` + second + `Z","level":"` + level + `","msg":"` + message + `","operation_id":"42"}` + "\n"
}

// Follow shows what comes after its start, in the order of time over all
// files, the same trouble once, and a line only when it is complete.
func TestFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{"a": filepath.Join(dir, "a"), "b": filepath.Join(dir, "b")}
	for _, name := range files {
		write(t, name, line("00", "INFO", "operation pending"))
	}
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- console.Follow(ctx, in, files) }()
	lines := bufio.NewScanner(out)

	// Until Follow has begun, what is written may count as old.
	seen := make(chan bool)
	go func() { seen <- lines.Scan() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begun := false; !begun; {
		select {
		case begun = <-seen:
		case <-tick.C:
			write(t, files["a"], line("01", "WARN", "begun"))
		}
	}
	whole := line("03", "INFO", "user approved")
	write(t, files["b"], line("04", "INFO", "operation completed")+whole[:20])
	want := []string{"operation completed", "user approved", "operation failed"}
	got := []string{next(t, lines)}
	write(t, files["b"], whole[20:]+line("06", "INFO", "listening"))
	got = append(got, next(t, lines))
	write(t, files["a"], line("05", "INFO", "operation failed"))
	got = append(got, next(t, lines))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// next gives the message of the next line.
func next(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	if !lines.Scan() {
		t.Fatal("no further line")
	}
	return strings.TrimSpace(strings.Split(lines.Text(), "  ")[1])
}

func TestFollowFails(t *testing.T) {
	t.Parallel()
	err := console.Follow(t.Context(), io.Discard, map[string]string{"a": filepath.Join(t.TempDir(), "absent")})
	if err == nil {
		t.Error("Follow of a file that is not there succeeded")
	}
}
