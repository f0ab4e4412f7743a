// Package system runs the whole system on one machine: the embedded broker or
// a Kafka that is there, and `dapr run -f` with the three services and their
// sidecars. `make run` uses it as the tests do.
//
//	s, err := system.Start(ctx, system.Options{Folder: t.TempDir(), PortBase: base})
//	defer s.Stop()
//	http.Get(s.URL("operation-service") + "/readyz")
//	s.Kill("user-service-sidecar", syscall.SIGKILL)
//	s.Restart("user-service-sidecar")
package system

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"registration.example/local/runfile"
)

// Profile names the component folder that the system runs on.
type Profile string

const (
	// Embedded keeps state in SQLite files; the broker is the embedded one
	// unless Options.Kafka names another.
	Embedded Profile = "embedded"
	// KafkaMongoDB is what production uses and what `dapr run -f .` runs.
	KafkaMongoDB Profile = "kafka-mongodb"
)

// Options say what is started. The zero value is what `make run` starts,
// without supervision.
type Options struct {
	// Root is the repository; by default the one that holds the working folder.
	Root string
	// Folder keeps data, logs and what is generated; by default Root/.local.
	// Data in it is found again by the next system.
	Folder string
	// PortBase moves all ports: a system takes runfile.PortRange of them from
	// here on. 0 takes those of dapr.yaml. See FreePortBase.
	PortBase int
	// Profile is Embedded by default.
	Profile Profile
	// Kafka is host:port of a Kafka to use instead of the profile's own.
	Kafka string
	// BrokerProxy is host:port of a proxy before the embedded broker: everybody
	// but who looks after the broker connects to it. See BrokerAddr.
	BrokerProxy string
	// Components is a folder to use instead of Root/components.
	Components string
	// Profiling has every service and sidecar serve Go's profiles, see
	// ProfileURL; it needs a PortBase.
	Profiling bool
	// MongoDB is a connection string to use instead of the profile's own.
	MongoDB string
	// Env is for the services: APPROVAL_DELAY and the like.
	Env map[string]string
	// Supervise starts again what ends.
	Supervise bool
	// ReadyTimeout is how long the services may take; a minute by default.
	ReadyTimeout time.Duration
	// Out is told how far the start is, and what ended later; nobody by default.
	Out io.Writer
}

// complete fills in the defaults.
func (o Options) complete() (Options, error) {
	var err error
	if o.Root == "" {
		if o.Root, err = FindRoot(); err != nil {
			return o, err
		}
	}
	if o.Folder == "" {
		o.Folder = filepath.Join(o.Root, workFolder)
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return o, fmt.Errorf("find the repository: %w", err)
	}
	if o.Folder, err = filepath.Abs(o.Folder); err != nil {
		return o, fmt.Errorf("find the folder of the system: %w", err)
	}
	if o.Components == "" {
		o.Components = filepath.Join(o.Root, "components")
	}
	if o.Profile == "" {
		o.Profile = Embedded
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = time.Minute
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	return o, nil
}

// workFolder is the repository's folder for what is built and kept here.
const workFolder = ".local"

// FindRoot finds the repository from the working folder upwards.
func FindRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, runfile.Name)); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find the repository: no %s in the working folder or above", runfile.Name)
		}
		dir = parent
	}
}

// Systems beside each other take their ports from below those that operating
// systems give to clients: a killed service finds its port free again.
const (
	lowestBase  = 20000
	highestBase = 32000
)

// FreePortBase finds a PortBase whose ports are all free now.
func FreePortBase() (int, error) {
	for range 100 {
		base := lowestBase + rand.IntN((highestBase-lowestBase)/runfile.PortRange)*runfile.PortRange
		if allFree(base, base+runfile.PortRange) {
			return base, nil
		}
	}
	return 0, errors.New("find free ports: none of 100 ranges is free")
}

func allFree(from, to int) bool {
	for port := from; port < to; port++ {
		if !free(port) {
			return false
		}
	}
	return true
}
