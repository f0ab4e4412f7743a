package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"registration.example/local/tools"
)

// Options say where things are.
type Options struct {
	// Root is the repository: tools/ below it pins what is built.
	Root string
	// Folder gets the programs.
	Folder string
	// Out is told what is built, and how long it took.
	Out io.Writer
}

// Build builds the programs that are missing or pinned to another version now.
// From nothing that takes about 20 minutes on 2 cores.
func Build(ctx context.Context, o Options) (Set, error) {
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return Set{}, fmt.Errorf("make the folder of the programs: %w", err)
	}
	for _, p := range all() {
		if err := build(ctx, o, p); err != nil {
			return Set{}, fmt.Errorf("build %s: %w", p.name, err)
		}
	}
	return locate(ctx, o)
}

// build builds one program, unless the recipe beside it says that it is the
// same that would be built.
func build(ctx context.Context, o Options, p program) error {
	target := filepath.Join(o.Folder, string(p.name))
	want, err := recipe(o, p)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(target + ".recipe"); err == nil && string(have) == want {
		return nil
	}
	flags := []string{"-s", "-w"}
	for _, variable := range p.stamp {
		version, err := moduleField(ctx, o, p.module, p.versionOf, "{{.Version}}")
		if err != nil {
			return err
		}
		flags = append(flags, "-X", variable+"="+version)
	}
	start := time.Now()
	_, _ = fmt.Fprintf(o.Out, "Building %s ...", p.name)
	if _, err := goTool(ctx, o, p.module, "build", "-ldflags", strings.Join(flags, " "), "-o", target, p.pkg); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.Out, " %.0f s\n", time.Since(start).Seconds())
	return os.WriteFile(target+".recipe", []byte(want), 0o644)
}

// recipe changes with everything that a program depends on.
func recipe(o Options, p program) (string, error) {
	sum, err := tools.Sum(o.Root, p.module)
	return fmt.Sprintf("%s %v %s\n", p.pkg, p.stamp, sum), err
}

// locate finds the sources in Go's module cache, where the build left them.
func locate(ctx context.Context, o Options) (Set, error) {
	s := Set{folder: o.Folder, source: make(map[string]string), Versions: make(map[string]string)}
	for module, folder := range sources {
		both, err := moduleField(ctx, o, folder, module, "{{.Dir}} {{.Version}}")
		if err != nil {
			return s, err
		}
		s.source[module], s.Versions[module], _ = strings.Cut(both, " ")
	}
	return s, nil
}

func moduleField(ctx context.Context, o Options, folder, module, format string) (string, error) {
	out, err := goTool(ctx, o, folder, "list", "-m", "-f", format, module)
	return strings.TrimSpace(out), err
}

// goTool runs go in a module of tools/, and gives what it prints.
func goTool(ctx context.Context, o Options, module string, args ...string) (string, error) {
	out, err := tools.Command(ctx, o.Root, module, args...).Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}
