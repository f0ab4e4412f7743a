package system

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"registration.example/local/components"
	"registration.example/local/dapr"
	"registration.example/local/runfile"
)

// launcher is the program of this module: broker and guard run from it.
const launcher = "local"

// DaprFolder is where a repository keeps the Dapr that it built.
func DaprFolder(root string) string { return filepath.Join(root, workFolder, "dapr") }

func (s *System) getDapr(ctx context.Context) (err error) {
	s.dapr, err = dapr.Get(ctx, dapr.Options{
		Root:   s.o.Root,
		Folder: DaprFolder(s.o.Root),
		Out:    s.o.Out,
	})
	if err != nil {
		return err
	}
	s.file.Common.RuntimePath = s.dapr.RuntimePath
	s.say("Dapr %s: %s", s.dapr.Version, s.dapr.CLI)
	return nil
}

// buildPrograms builds the services and the launcher itself.
func (s *System) buildPrograms(ctx context.Context) error {
	args := []string{"build", "-o", filepath.Dir(s.program(launcher)) + "/", "./" + launcher}
	for _, app := range s.Apps() {
		args = append(args, "./"+app)
	}
	s.say("Building %d programs.", len(args)-3)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.o.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the services: %w\n%s", err, out)
	}
	return nil
}

// writeFiles makes the folders and the component files that differ. What the last system
// left of them goes; its data stays.
func (s *System) writeFiles(context.Context) error {
	old := []string{s.path("run"), s.path("log")}
	folders := []string{s.path("run"), s.path("log"), s.path("data", "broker")}
	for _, app := range s.file.Apps {
		old = append(old, filepath.Join(app.Dir, ".dapr"))
		folders = append(folders, app.Dir)
	}
	for _, folder := range old {
		if err := os.RemoveAll(folder); err != nil {
			return fmt.Errorf("remove the last system's files: %w", err)
		}
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folders: %w", err)
		}
	}
	if s.readdressed() {
		a := components.Addresses{Kafka: s.o.Kafka, MongoDB: s.o.MongoDB}
		return components.CopyWith(s.profileFolder(), s.path("run", "components"), a)
	}
	return nil
}

func (s *System) runFile() string { return s.path("run", runfile.Name) }
