package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args    []string
		env     map[string]string
		kafka   bool
		lagOnly bool
		wrong   bool
	}{
		"nothing":           {},
		"flags":             {args: []string{"-profile", "kafka", "-scaling", "lag"}, kafka: true, lagOnly: true},
		"environment":       {env: map[string]string{"PROFILE": "kafka", "SCALING": "lag", "RUN": "large"}, kafka: true, lagOnly: true},
		"flag before it":    {args: []string{"-profile", "embedded"}, env: map[string]string{"PROFILE": "kafka"}},
		"unknown run":       {args: []string{"-run", "other"}, wrong: true},
		"unknown profile":   {args: []string{"-profile", "other"}, wrong: true},
		"unknown scaling":   {args: []string{"-scaling", "other"}, wrong: true},
		"an argument":       {args: []string{"large"}, wrong: true},
		"unknown variables": {env: map[string]string{"RUN": "other"}, wrong: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			run, o, err := readSettings(test.args, func(name string) string { return test.env[name] }, &stderr)
			if (err != nil) != test.wrong {
				t.Fatalf("readSettings: %v", err)
			}
			if err == nil && (run == nil || o.Kafka != test.kafka || o.LagOnly != test.lagOnly) {
				t.Errorf("readSettings = %+v", o)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if status := start(t.Context(), []string{"-h"}, func(string) string { return "" }, &stderr, &stderr); status != statusOK {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"-run", "-profile", "-scaling", "20 minutes"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("help lacks %s", want)
		}
	}
}
