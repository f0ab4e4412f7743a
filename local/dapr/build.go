package dapr

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"registration.example/local/tools"
)

const (
	// pinned is the module with Dapr: that of tools/ itself.
	pinned        = ""
	cliModule     = "github.com/dapr/cli"
	runtimeModule = "github.com/dapr/dapr"
	cliPackage    = cliModule
	daprdPackage  = runtimeModule + "/cmd/daprd"
	// buildTags leave out the components that Dapr calls unstable.
	buildTags = "-tags=stablecomponents"
	// stampName is the file that says what the programs beside it were built from.
	stampName = "stamp"
)

// built gives the programs of an earlier build, if nothing that they are made
// of has changed since.
func built(o Options) (Dapr, bool) {
	stamp, err := os.ReadFile(filepath.Join(o.Folder, stampName))
	if err != nil {
		return Dapr{}, false
	}
	want, err := recipe(o)
	version, rest, _ := strings.Cut(string(stamp), "\n")
	if err != nil || rest != want {
		return Dapr{}, false
	}
	return inFolder(o.Folder, version), true
}

func inFolder(folder, version string) Dapr {
	return Dapr{CLI: filepath.Join(folder, "dapr"), RuntimePath: folder, Version: version}
}

// recipe changes with everything that the programs depend on.
func recipe(o Options) (string, error) {
	sum, err := tools.Sum(o.Root, pinned)
	return buildTags + " " + sum, err
}

// build makes both programs beside the folder and moves them there as a whole,
// so that an interrupted build leaves nothing that looks finished. Of two that
// build at once the second waits and takes what the first made.
func build(ctx context.Context, o Options) (d Dapr, err error) {
	if err := os.MkdirAll(filepath.Dir(o.Folder), 0o755); err != nil {
		return Dapr{}, fmt.Errorf("make the folder of the build: %w", err)
	}
	unlock, err := lock(o.Folder + ".lock")
	if err != nil {
		return Dapr{}, err
	}
	defer unlock()
	if d, ok := built(o); ok {
		return d, nil
	}
	unfinished := o.Folder + ".unfinished"
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, 0o755)); err != nil {
		return Dapr{}, fmt.Errorf("make the folder of the build: %w", err)
	}
	version, err := buildInto(ctx, o, inFolder(unfinished, ""))
	if err != nil {
		return Dapr{}, err
	}
	if err := finish(o, unfinished, version); err != nil {
		return Dapr{}, fmt.Errorf("put the built Dapr in place: %w", err)
	}
	return inFolder(o.Folder, version), nil
}

// finish puts the stamp into the new folder and the folder in its place.
func finish(o Options, unfinished, version string) error {
	want, err := recipe(o)
	if err != nil {
		return err
	}
	stamp := []byte(version + "\n" + want)
	if err := os.WriteFile(filepath.Join(unfinished, stampName), stamp, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(o.Folder); err != nil {
		return err
	}
	return os.Rename(unfinished, o.Folder)
}

// buildInto builds to the paths of d and runs what it built once.
func buildInto(ctx context.Context, o Options, d Dapr) (version string, err error) {
	version, err = moduleVersion(ctx, o, runtimeModule)
	if err != nil {
		return "", err
	}
	cliVersion, err := moduleVersion(ctx, o, cliModule)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(o.Out, "Building Dapr %s from source, once: 3 to 6 minutes on 2 cores, seconds if Go has built it before.\n", version)
	p := newProgress(o.Out)
	defer p.done()
	total, err := p.countPackages(ctx, o)
	if err != nil {
		return "", err
	}
	for _, target := range []struct{ path, pkg, variable, version string }{
		{d.Daprd(), daprdPackage, runtimeModule + "/pkg/buildinfo.version", version},
		{d.CLI, cliPackage, "main.version", cliVersion},
	} {
		p.compiling(filepath.Base(target.path), total)
		ldflags := fmt.Sprintf("-ldflags=-s -w -X %s=%s -X main.apiVersion=1.0", target.variable, target.version)
		cmd := tools.Command(ctx, o.Root, pinned, "build", "-v", buildTags, ldflags, "-o", target.path, target.pkg)
		if err := watch(cmd, p); err != nil {
			return "", fmt.Errorf("build %s: %w", target.pkg, err)
		}
		if _, err := versionOf(ctx, target.path, "--version"); err != nil {
			return "", fmt.Errorf("built %s: %w", target.pkg, err)
		}
	}
	return version, nil
}

// moduleVersion reads the pinned version of a module.
func moduleVersion(ctx context.Context, o Options, module string) (string, error) {
	cmd := tools.Command(ctx, o.Root, pinned, "list", "-m", "-f", "{{.Version}}", module)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the version of %s: %w: %s", module, err, said.String())
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), nil
}

// watch runs cmd and feeds each line of its stderr to p; the last lines that
// are no progress come back with a failure.
func watch(cmd *exec.Cmd, p *progress) error {
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var said []string
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if !p.line(lines.Text()) {
			said = append(said, lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, pipe)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.Join(said, "\n"))
	}
	return nil
}

// lock keeps other processes out until unlock; the kernel lets go when this
// process ends, however it ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the build: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the build: %w", err), f.Close())
	}
	// Unlocked, not just closed: a process being forked just now has it open too.
	return func() { _ = errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close()) }, nil
}
