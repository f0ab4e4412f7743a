package approval_test

import (
	"testing"
	"time"

	"registration.example/approval-service/approval"
)

func TestRule(t *testing.T) {
	t.Parallel()
	const byDefault = "(?i)^deny"
	cases := map[string]struct {
		deny, name string
		approved   bool
	}{
		"a name":                 {byDefault, "hans", true},
		"deny":                   {byDefault, "deny", false},
		"deny and more":          {byDefault, "deny-hans", false},
		"deny in capitals":       {byDefault, "DENY hans", false},
		"deny in the middle":     {byDefault, "hans deny", true},
		"a space before":         {byDefault, " deny", true},
		"deny on a second line":  {byDefault, "hans\ndeny", true},
		"deny with other glyphs": {byDefault, "dеny", true}, // a Cyrillic е
		"control characters":     {byDefault, "\x00\x1f", true},
		"everybody":              {"", "hans", false},
		"nobody":                 {"^$", "hans", true},
		"another expression":     {"[0-9]{3}$", "hans007", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule, err := approval.NewRule(c.deny)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // by the user's data alone
				if got := rule.Decide(c.name); got != (approval.Verdict{Approved: c.approved}) {
					t.Errorf("%q gets %+v", c.name, got)
				}
			}
		})
	}
}

func TestNoRule(t *testing.T) {
	t.Parallel()
	for _, deny := range []string{"(", "[", "a**", "(?<!x)y", `\8`} {
		if _, err := approval.NewRule(deny); err == nil {
			t.Errorf("%q is taken", deny)
		}
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	deadline := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		now  time.Time
		want bool
	}{
		"before":        {deadline.Add(-1), false},
		"at":            {deadline, false},
		"after":         {deadline.Add(1), true},
		"in other zone": {deadline.In(time.FixedZone("CET", 3600)), false},
	} {
		if got := approval.Late(deadline, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
