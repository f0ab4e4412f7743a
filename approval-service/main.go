// Command approval-service decides on users. It is stateless, and slow on
// purpose: scaling it is what the system shows.
package main

import (
	"os"
	"time"

	"registration.example/approval-service/app"
	"registration.example/approval-service/approval"
	"registration.example/service"
)

const about = "approval-service decides on users, one at a time and slowly on purpose. It keeps nothing."

func main() {
	os.Exit(service.Program{Name: app.Name, About: about, Port: 8082, Configure: configure}.Main())
}

func configure(e *service.Environment) func(service.Base) service.Options {
	delay := e.Duration("APPROVAL_DELAY", 200*time.Millisecond, "how long one verdict takes")
	deny := e.String("APPROVAL_DENY", "(?i)^deny", "regular expression (RE2) of the names that are denied")
	rule, err := approval.NewRule(deny)
	if err != nil {
		e.Reject("APPROVAL_DENY", deny, err)
	}
	return app.Settings{Rule: rule, Delay: delay}.Build
}
