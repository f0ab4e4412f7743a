package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"registration.example/load/generator"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// system accepts everything; its operations are in the state given for ever.
func system(t *testing.T, state string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/operations/"+uuid.NewString())
			w.WriteHeader(http.StatusAccepted)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"state": state})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestStatus(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want int
	}{
		"all ended":          {[]string{"-target", system(t, "failed")}, statusOK},
		"never ends":         {[]string{"-target", system(t, "pending")}, statusWrong},
		"ends without user":  {[]string{"-target", system(t, "completed")}, statusWrong},
		"nobody there":       {[]string{"-target", "http://127.0.0.1:1"}, statusWrong},
		"help":               {[]string{"-h"}, statusOK},
		"unknown flag":       {[]string{"-speed", "9"}, statusUsage},
		"stray argument":     {[]string{"fast"}, statusUsage},
		"no such URL":        {[]string{"-target", "nowhere"}, statusUsage},
		"unwritable ledger":  {[]string{"-ledger", "/no/such/folder/ledger"}, statusUsage},
		"unwritable outcome": {[]string{"-target", system(t, "failed"), "-out", "/no/such/folder/out"}, statusUsage},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			args := append([]string{"-count", "20", "-rate", "1000", "-drain", "0.2s", "-users-target", "none"}, test.args...)
			none := func(string) (string, bool) { return "", false }
			if got := start(t.Context(), args, none, &stdout, &stderr); got != test.want {
				t.Errorf("status %d, want %d\n%s%s", got, test.want, &stdout, &stderr)
			}
			if test.want == statusUsage && stderr.Len() == 0 {
				t.Error("no word of the reason")
			}
		})
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	out, ledgerFile := filepath.Join(folder, "out.json"), filepath.Join(folder, "ledger.jsonl")
	environment := map[string]string{
		"TARGET": system(t, "failed"), "USERS_TARGET": "none", "COUNT": "20", "RATE": "1000", "OUT": out, "LEDGER": ledgerFile,
	}
	lookup := func(name string) (string, bool) { v, ok := environment[name]; return v, ok }
	var stdout, stderr bytes.Buffer
	if got := start(t.Context(), nil, lookup, &stdout, &stderr); got != statusOK {
		t.Fatalf("status %d\n%s", got, &stderr)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report generator.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if report.Verdict.Failed != 20 || !strings.HasSuffix(stdout.String(), report.Verdict.String()+"\n") {
		t.Errorf("report %+v\n%s", report, &stdout)
	}
	lines, err := os.ReadFile(ledgerFile)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(lines, []byte("\n")); n != 20 {
		t.Errorf("%d lines in the ledger file", n)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	type values struct {
		Rate     float64
		Duration time.Duration
		Count    int64
		Users    string
	}
	users := "http://127.0.0.1:8081"
	tests := map[string]struct {
		environment map[string]string
		args        []string
		want        values
	}{
		"defaults":                  {want: values{50, 30 * time.Second, 0, users}},
		"environment":               {environment: map[string]string{"RATE": "7", "DURATION": "2m"}, want: values{7, 2 * time.Minute, 0, users}},
		"flag over environment":     {environment: map[string]string{"RATE": "7"}, args: []string{"-rate", "8"}, want: values{8, 30 * time.Second, 0, users}},
		"empty is not set":          {environment: map[string]string{"RATE": ""}, want: values{50, 30 * time.Second, 0, users}},
		"duration without a unit":   {environment: map[string]string{"DURATION": "1.5"}, want: values{50, 1500 * time.Millisecond, 0, users}},
		"for ever":                  {environment: map[string]string{"DURATION": "0"}, want: values{50, 0, 0, users}},
		"a count is the only end":   {environment: map[string]string{"COUNT": "9"}, want: values{50, 0, 9, users}},
		"unless a duration is said": {environment: map[string]string{"COUNT": "9"}, args: []string{"-duration", "4s"}, want: values{50, 4 * time.Second, 9, users}},
		"no users":                  {environment: map[string]string{"USERS_TARGET": "none"}, want: values{50, 30 * time.Second, 0, ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookup := func(name string) (string, bool) { v, ok := test.environment[name]; return v, ok }
			s, err := readSettings(test.args, lookup, t.Output())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, values{s.Rate, s.Duration, s.Count, s.UsersTarget}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWrongEnvironmentIsNamed(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	lookup := func(name string) (string, bool) { return "fast", name == "RATE" || name == "DURATION" }
	if got := start(t.Context(), nil, lookup, &stderr, &stderr); got != statusUsage {
		t.Errorf("status %d", got)
	}
	for _, want := range []string{`RATE="fast"`, `DURATION="fast"`} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%s is not named: %s", want, &stderr)
		}
	}
}

func TestHelpNamesEverySetting(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	start(t.Context(), []string{"-h"}, func(string) (string, bool) { return "", false }, &stderr, &stderr)
	for _, want := range []string{"RATE", "DURATION", "COUNT", "METRICS_ADDR", "-users-target", "default \"50\""} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%s is missing:\n%s", want, &stderr)
		}
	}
}
