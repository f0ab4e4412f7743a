// Command operation-service turns REST calls into operations and events, and
// ends an operation when its saga has ended.
package main

import (
	"os"
	"time"

	"registration.example/operation-service/app"
	"registration.example/service"
)

const about = "operation-service turns REST calls into operations and events, and ends an operation when its saga has ended."

func main() {
	os.Exit(service.Program{Name: app.Name, About: about, Port: 8080, Configure: configure}.Main())
}

func configure(e *service.Environment) func(service.Base) service.Options {
	return app.Settings{
		Deadline: e.Duration("OPERATION_DEADLINE", 24*time.Hour, "how long after its request an operation may end; later it fails"),
		Batch:    e.Int("ACCEPT_BATCH", 200, 1, 1000, "most requests that are stored and published, or read, together; 1 for each alone"),
		Workers:  e.Int("ACCEPT_WORKERS", 2, 1, 1000, "batches of requests in flight"),
		Queue:    e.Int("ACCEPT_QUEUE", 2000, 1, 1_000_000, "requests that may wait; more are answered 503"),
	}.Build
}
