// Package tools runs Go in the modules of tools/, which pin the programs that
// are built from source.
package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Command is go in a module of tools/, by its folder there. Without cgo the
// result depends on no compiler and no library of the machine.
func Command(ctx context.Context, root, module string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder(root, module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// Sum changes with everything that a module pins.
func Sum(root, module string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(folder(root, module), name))
		if err != nil {
			return "", fmt.Errorf("read what to build: %w", err)
		}
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func folder(root, module string) string { return filepath.Join(root, "tools", module) }
