// Package runfile reads dapr.yaml, the run file of `dapr run -f .`, and makes
// from it the one that this machine runs: dapr.yaml stays the only place that
// lists apps and ports.
package runfile

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Name is the run file's name in the repository.
const Name = "dapr.yaml"

// File is a run file; what this package does not touch passes through.
type File struct {
	Version int            `yaml:"version"`
	Common  Common         `yaml:"common"`
	Apps    []App          `yaml:"apps"`
	Rest    map[string]any `yaml:",inline"`
}

// Common holds for all apps.
type Common struct {
	Config       string         `yaml:"configFilePath"`
	Resources    []string       `yaml:"resourcesPaths"`
	RuntimePath  string         `yaml:"runtimePath,omitempty"`
	AppLog       string         `yaml:"appLogDestination,omitempty"`
	DaprdLog     string         `yaml:"daprdLogDestination,omitempty"`
	MoreSettings map[string]any `yaml:",inline"`
}

// App is a service with its sidecar.
type App struct {
	ID           string `yaml:"appID"`
	Dir          string `yaml:"appDirPath"`
	AppPort      int    `yaml:"appPort"`
	HTTPPort     int    `yaml:"daprHTTPPort"`
	GRPCPort     int    `yaml:"daprGRPCPort"`
	InternalPort int    `yaml:"daprInternalGRPCPort"`
	MetricsPort  int    `yaml:"metricsPort"`
	// EnableProfiling and ProfilePort are for the sidecar.
	EnableProfiling bool `yaml:"enableProfiling,omitempty"`
	ProfilePort     int  `yaml:"profilePort,omitempty"`

	Env          map[string]string `yaml:"env"`
	Command      []string          `yaml:"command"`
	MoreSettings map[string]any    `yaml:",inline"`
}

// Environment variables of the services with the port for clients and the port
// for Go's profiles.
const (
	portVariable    = "PORT"
	profileVariable = "PROFILE_PORT"
)

// ClientPort is where the app serves its clients, 0 if the file does not say.
func (a App) ClientPort() int {
	port, err := strconv.Atoi(a.Env[portVariable])
	if err != nil {
		return 0
	}
	return port
}

// ServiceProfilePort is where the app serves its profiles, 0 if nowhere.
func (a App) ServiceProfilePort() int {
	port, err := strconv.Atoi(a.Env[profileVariable])
	if err != nil {
		return 0
	}
	return port
}

// Moved gives the app with all its ports moved: a replica's.
func (a App) Moved(shift int) App {
	a.Env = maps.Clone(a.Env)
	for _, name := range []string{portVariable, profileVariable} {
		if port, err := strconv.Atoi(a.Env[name]); err == nil {
			a.Env[name] = strconv.Itoa(port + shift)
		}
	}
	for _, port := range []*int{&a.AppPort, &a.HTTPPort, &a.GRPCPort, &a.InternalPort, &a.MetricsPort, &a.ProfilePort} {
		if *port != 0 {
			*port += shift
		}
	}
	return a
}

// Read reads a run file; its paths become absolute.
func Read(path string) (File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("read run file: %w", err)
	}
	var f File
	if err := yaml.Unmarshal(content, &f); err != nil {
		return File{}, fmt.Errorf("read run file %s: %w", path, err)
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return File{}, fmt.Errorf("read run file %s: %w", path, err)
	}
	f.Common.Config = absolute(dir, f.Common.Config)
	for i, r := range f.Common.Resources {
		f.Common.Resources[i] = absolute(dir, r)
	}
	for i := range f.Apps {
		f.Apps[i].Dir = absolute(dir, f.Apps[i].Dir)
	}
	return f, nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// Write writes a run file.
func (f File) Write(path string) error {
	content, err := yaml.Marshal(f)
	if err != nil {
		return fmt.Errorf("write run file: %w", err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return fmt.Errorf("write run file: %w", err)
	}
	return nil
}
