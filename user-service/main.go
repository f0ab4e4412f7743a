// Command user-service orchestrates the saga that makes a user.
package main

import (
	"os"

	"registration.example/service"
	"registration.example/user-service/app"
)

const about = "user-service orchestrates the saga that makes a user: it stores the user, asks for approval, and reports the verdict."

func main() {
	os.Exit(service.Program{Name: app.Name, About: about, Port: 8081, Configure: configure}.Main())
}

// configure reads nothing: this service has no settings of its own.
func configure(*service.Environment) func(service.Base) service.Options { return app.Build }
