// Package dapr finds the Dapr that is installed, or builds the CLI and the
// sidecar from the module proxy: Go is all it needs.
package dapr

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Dapr is a CLI and a sidecar that fit together.
type Dapr struct {
	// CLI is the path of the program `dapr`.
	CLI string
	// RuntimePath is the folder whose .dapr/bin holds daprd.
	RuntimePath string
	// Version is the sidecar's.
	Version string
}

// Daprd is the path of the sidecar.
func (d Dapr) Daprd() string { return filepath.Join(d.RuntimePath, ".dapr", "bin", "daprd") }

// Options say where to look and where to build.
type Options struct {
	// Root is the repository: its tools/go.mod pins what is built.
	Root string
	// Folder is where the built programs stay.
	Folder string
	// Out gets what a person should know: why a build, and how far it is.
	Out io.Writer
}

// Get gives the Dapr that is installed if it will do, else the one built
// before, else builds one.
func Get(ctx context.Context, o Options) (Dapr, error) {
	d, err := Installed(ctx)
	if err == nil {
		return d, nil
	}
	if d, ok := built(o); ok {
		return d, nil
	}
	_, _ = fmt.Fprintf(o.Out, "No usable Dapr is installed (%v).\n", err)
	return build(ctx, o)
}

// Installed finds `dapr` on the PATH and the daprd that `dapr init`, or
// `dapr init --slim`, put in place.
func Installed(ctx context.Context) (Dapr, error) {
	cli, err := exec.LookPath("dapr")
	if err != nil {
		return Dapr{}, fmt.Errorf("find the Dapr CLI: %w", err)
	}
	if _, err := versionOf(ctx, cli, "--version"); err != nil {
		return Dapr{}, err
	}
	path, err := runtimePath()
	if err != nil {
		return Dapr{}, err
	}
	d := Dapr{CLI: cli, RuntimePath: path}
	if d.Version, err = versionOf(ctx, d.Daprd(), "--version"); err != nil {
		return Dapr{}, err
	}
	return d, nil
}

// runtimePath is where the CLI itself looks for .dapr.
func runtimePath() (string, error) {
	if path := strings.TrimSpace(os.Getenv("DAPR_RUNTIME_PATH")); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the folder of daprd: %w", err)
	}
	return home, nil
}
