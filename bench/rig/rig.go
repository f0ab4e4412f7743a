// Package rig is what a measurement stands on: a system of its own on free
// ports, loads on it, and what its processes used meanwhile.
package rig

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"time"

	"registration.example/e2e/kafka"
	"registration.example/local/broker"
	"registration.example/local/runfile"
	"registration.example/local/system"
)

// Names of the services.
const (
	OperationService = "operation-service"
	UserService      = "user-service"
	ApprovalService  = "approval-service"
)

// Options say what a rig is made of.
type Options struct {
	// Root is the repository to measure; by default the one of the working folder.
	Root string
	// Folder keeps data and logs; a temporary one by default.
	Folder string
	// Kafka starts Apache Kafka in place of the embedded broker.
	Kafka bool
	// MongoDB is the connection string of a server to use in place of SQLite.
	MongoDB string
	// Single turns bulk deliveries and group commit off.
	Single bool
	// Env is for the services, beside APPROVAL_DELAY=0.
	Env map[string]string
	// Profiles is a folder for CPU profiles of services and sidecars under load.
	Profiles string
	// Out is told how far the start is.
	Out io.Writer
}

// Rig is a system that is measured.
type Rig struct {
	*system.System
	options Options
	kafka   *kafka.Broker
	remove  func()
}

// Start starts a system, and returns when it is ready.
func Start(ctx context.Context, o Options) (_ *Rig, err error) {
	r := &Rig{options: o, remove: func() {}}
	defer func() {
		if err != nil {
			r.Stop()
		}
	}()
	if o.Folder == "" {
		if o.Folder, err = os.MkdirTemp("", "bench-"); err != nil {
			return nil, fmt.Errorf("folder of the system: %w", err)
		}
		r.remove = func() { _ = os.RemoveAll(o.Folder) }
	}
	s, err := r.systemOptions(ctx, o)
	if err != nil {
		return nil, err
	}
	r.System, err = system.Start(ctx, s)
	return r, err
}

// systemOptions translates, and starts what the system needs before it.
func (r *Rig) systemOptions(ctx context.Context, o Options) (system.Options, error) {
	s := system.Options{
		Root: o.Root, Folder: o.Folder, Out: o.Out, ReadyTimeout: 2 * time.Minute,
		Env: map[string]string{"APPROVAL_DELAY": "0"}, Profiling: o.Profiles != "",
	}
	var err error
	if s.Root == "" {
		if s.Root, err = system.FindRoot(); err != nil {
			return s, err
		}
	}
	if s.PortBase, err = system.FreePortBase(); err != nil {
		return s, err
	}
	if o.Single {
		// As without group commit: each request for itself, all at once.
		s.Env["ACCEPT_BATCH"], s.Env["ACCEPT_WORKERS"] = "1", "128"
		s.Components = filepath.Join(o.Folder, "components")
		if err := singleDeliveries(filepath.Join(s.Root, "components"), s.Components); err != nil {
			return s, err
		}
	}
	maps.Copy(s.Env, o.Env)
	switch {
	case o.MongoDB != "" && o.Kafka:
		s.Profile, s.MongoDB = system.KafkaMongoDB, o.MongoDB
	case o.MongoDB != "":
		s.Components = filepath.Join(o.Folder, "components")
		if err := withMongoDB(filepath.Join(s.Root, "components"), s.Components, o.MongoDB); err != nil {
			return s, fmt.Errorf("components with MongoDB: %w", err)
		}
	}
	if o.Kafka {
		s.Kafka, err = r.startKafka(ctx, s.PortBase, filepath.Join(o.Folder, "kafka"))
	}
	return s, err
}

func (r *Rig) startKafka(ctx context.Context, base int, dir string) (addr string, err error) {
	topics := map[string]int32{}
	for _, topic := range broker.FastTopics() {
		topics[topic.Name] = topic.Partitions
	}
	r.kafka, err = kafka.Start(ctx, kafka.Options{Dir: dir, Port: runfile.BrokerPort(base), Topics: topics})
	if err != nil {
		return "", err
	}
	return r.kafka.Addr(), nil
}

// Stop ends the system. Data in a folder that was named stays.
func (r *Rig) Stop() {
	if r.System != nil {
		r.System.Stop()
	}
	if r.kafka != nil {
		_ = r.kafka.Stop()
	}
	r.remove()
}

// processes are those whose use is measured.
func (r *Rig) processes() map[string]int {
	pids := map[string]int{}
	for _, name := range r.Processes() {
		pids[name] = r.PID(name)
	}
	if r.kafka != nil {
		pids[system.Broker] = r.kafka.PID()
	}
	return pids
}
