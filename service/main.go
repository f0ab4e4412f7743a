package service

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"registration.example/sidecar"
)

// Base is what every service is built on.
type Base struct {
	Settings Settings
	Logger   *slog.Logger
	Registry *prometheus.Registry
	// State and Broker are the sidecar's, or a simulation's.
	State  sidecar.State
	Broker sidecar.Publisher
	// Status says what the sidecar has loaded.
	Status func(context.Context) (sidecar.Status, error)
	Events *EventMetrics
	// Replica tells this process from others of the service.
	Replica string
}

// Configure reads a service's own settings and gives the function that builds it.
type Configure func(*Environment) func(Base) Options

// Program is a service as a command.
type Program struct {
	Name, About string
	// Port is the default port for clients.
	Port      int
	Configure Configure
}

// Main runs the program with the process's arguments and environment, and
// gives its exit status: 0 after SIGTERM, 1 after a failure, 2 when it was
// started wrongly.
func (p Program) Main() int {
	environment := NewEnvironment(os.LookupEnv)
	settings := ReadSettings(environment, p.Port)
	build := p.Configure(environment)

	flags := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	flags.Usage = func() { environment.Usage(flags.Output(), p.About) }
	if err := flags.Parse(os.Args[1:]); err != nil {
		if err == flag.ErrHelp { //nolint:errorlint // Parse returns it as it is
			return 0
		}
		return 2
	}
	if err := environment.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	lines := NewLines(os.Stderr)
	defer lines.Close()
	logger := NewLogger(lines, p.Name, settings.LogLevel)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	logger.InfoContext(ctx, "starting", "settings", environment)
	if err := p.run(ctx, logger, settings, build); err != nil {
		logger.ErrorContext(ctx, "stopped", "error", err)
		return 1
	}
	logger.InfoContext(ctx, "stopped")
	return 0
}

func (p Program) run(ctx context.Context, logger *slog.Logger, settings Settings, build func(Base) Options) error {
	client, err := sidecar.Connect(sidecar.Options{
		Address: settings.Sidecar,
		Token:   settings.SidecarToken,
		Timeout: settings.CallTimeout,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	replica, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("name of this replica: %w", err)
	}
	registry := NewRegistry()
	options := build(Base{
		Settings: settings,
		Logger:   logger,
		Registry: registry,
		State:    client.Store(StateStore),
		Broker:   client,
		Status:   client.Status,
		Events:   NewEventMetrics(registry),
		Replica:  fmt.Sprintf("%s:%d", replica, settings.Port),
	})
	options.Name, options.Settings, options.Logger, options.Registry = p.Name, settings, logger, registry
	return Run(ctx, options)
}
