package system

import (
	"fmt"
	"strings"

	"registration.example/local/runfile"
)

// Apps are the ids of the services.
func (s *System) Apps() []string {
	var ids []string
	for _, a := range s.file.Apps {
		ids = append(ids, a.ID)
	}
	return ids
}

// URL is where a service, or a replica of one, serves its clients.
func (s *System) URL(app string) string {
	return fmt.Sprintf("http://localhost:%d", s.app(app).ClientPort())
}

// ProfileURL is where a service, or the sidecar of one, serves Go's profiles;
// empty if it does not.
func (s *System) ProfileURL(name string) string {
	id, isSidecar := strings.CutSuffix(name, SidecarSuffix)
	port := s.app(id).ServiceProfilePort()
	if isSidecar {
		port = s.app(id).ProfilePort
	}
	if port == 0 {
		return ""
	}
	return fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/", port)
}

// BrokerAddr is where the embedded broker of a system with that PortBase listens.
func BrokerAddr(portBase int) string {
	return fmt.Sprintf("127.0.0.1:%d", runfile.BrokerPort(portBase))
}

// Kafka is the broker's address for its clients.
func (s *System) Kafka() string { return s.kafka }

// Sidecar is where an app's sidecar serves its gRPC API, and the token that it wants.
func (s *System) Sidecar(app string) (address, token string) {
	return fmt.Sprintf("127.0.0.1:%d", s.app(app).GRPCPort), s.env["DAPR_API_TOKEN"]
}

// MetricsURL is where an app's sidecar serves its metrics. The service serves
// its own at URL.
func (s *System) MetricsURL(app string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/metrics", s.app(app).MetricsPort)
}

// EventsURL is where a service takes what its sidecar delivers.
func (s *System) EventsURL(app string) string {
	return fmt.Sprintf("http://127.0.0.1:%d", s.app(app).AppPort)
}

// Folder is where data and logs are.
func (s *System) Folder() string { return s.o.Folder }

func (s *System) app(id string) runfile.App {
	for _, app := range s.file.Apps {
		if app.ID == id {
			return app
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[id]
}
