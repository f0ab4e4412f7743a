package main

import (
	"strings"
	"testing"

	"registration.example/service"
)

// TestSettings: the settings that this service adds, and a rule that is none.
func TestSettings(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		environment map[string]string
		want        string // in the error; empty if there is none
	}{
		"defaults":            {nil, ""},
		"no delay, no denial": {map[string]string{"APPROVAL_DELAY": "0s", "APPROVAL_DENY": "^$"}, ""},
		"no duration":         {map[string]string{"APPROVAL_DELAY": "soon"}, "APPROVAL_DELAY"},
		"no expression":       {map[string]string{"APPROVAL_DENY": "("}, "APPROVAL_DENY"},
	}
	for name, c := range cases {
		e := service.NewEnvironment(func(name string) (string, bool) { value, ok := c.environment[name]; return value, ok })
		configure(e)
		if err := e.Err(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
