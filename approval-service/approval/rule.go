// Package approval is the domain of approval-service: the rule that decides on
// a user. Pure; nothing here does input or output.
package approval

import (
	"fmt"
	"regexp"
	"time"
)

// Rule decides by a user's data alone, so that the same user always gets the
// same verdict, by whichever replica.
type Rule struct{ deny *regexp.Regexp }

// NewRule denies users whose name matches the regular expression (RE2 syntax).
func NewRule(deny string) (Rule, error) {
	expression, err := regexp.Compile(deny)
	if err != nil {
		return Rule{}, fmt.Errorf("rule: %w", err)
	}
	return Rule{deny: expression}, nil
}

// DeadlinePassed is the failure of a saga that took too long.
const DeadlinePassed = "deadline passed"

// Verdict is what is decided on a user.
type Verdict struct {
	Approved bool
	// Failure says why there is no verdict; empty if there is one.
	Failure string
}

// Decide gives the verdict on the user with this name.
func (r Rule) Decide(name string) Verdict { return Verdict{Approved: !r.deny.MatchString(name)} }

// Late tells whether it is too late for a verdict.
func Late(deadline, now time.Time) bool { return now.After(deadline) }
