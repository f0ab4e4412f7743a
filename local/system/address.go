package system

import (
	"fmt"

	"registration.example/local/runfile"
)

// Sidecar is where an app's sidecar serves its gRPC API, and the token that it wants.
func (s *System) Sidecar(app string) (address, token string) {
	return fmt.Sprintf("127.0.0.1:%d", s.app(app).GRPCPort), s.env["DAPR_API_TOKEN"]
}

// EventsURL is where a service takes what its sidecar delivers.
func (s *System) EventsURL(app string) string {
	return fmt.Sprintf("http://127.0.0.1:%d", s.app(app).AppPort)
}

func (s *System) app(id string) runfile.App {
	for _, app := range s.file.Apps {
		if app.ID == id {
			return app
		}
	}
	return runfile.App{}
}
