// Command mutation shows that the tests bite: it breaks the code in each way
// that is known to lose, double or regress an operation, one at a time, and
// wants a test to fail. The sources stay as they are: Go compiles the broken
// file in their place (go test -overlay).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

// run tries every mutation and prints the table.
func run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "mutation-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Printf("%-46s %-28s %-9s %s\n", "mutation", "file", "caught", "by")
	survived := 0
	for _, m := range mutations {
		if m.tests == "" {
			m.tests = simulation
		}
		began := time.Now()
		caught, by, err := m.try(ctx, folder)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		verdict := "yes"
		if !caught {
			verdict, by = "NO", m.tests
			survived++
		}
		fmt.Printf("%-46s %-28s %-9s %s (%.0f s)\n", m.name, filepath.Base(filepath.Dir(m.file))+"/"+filepath.Base(m.file), verdict, by, time.Since(began).Seconds())
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d were not caught", survived, len(mutations))
	}
	fmt.Printf("all %d were caught\n", len(mutations))
	return nil
}

// try breaks the code, runs the tests, and says which of them failed.
func (m mutation) try(ctx context.Context, folder string) (caught bool, by string, err error) {
	overlay, err := m.overlay(folder)
	if err != nil {
		return false, "", err
	}
	args := append([]string{"test", "-overlay", overlay, "-count=1", "-failfast"}, strings.Fields(m.tests)...)
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput() //nolint:gosec // the arguments stand in this program
	text := string(out)
	_, isExit := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return false, "", nil
	case !isExit || ctx.Err() != nil:
		return false, "", err
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return false, "", fmt.Errorf("does not compile:\n%s", text)
	}
	return true, failed(text), nil
}

// failed gives the first test that failed, and the history if that was one.
func failed(out string) string {
	name := "a crash"
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if test, ok := strings.CutPrefix(line, "--- FAIL: "); ok && name == "a crash" {
			name, _, _ = strings.Cut(test, " ")
		}
		if _, seed, ok := strings.Cut(line, ": seed "); ok {
			return name + ", seed " + strings.TrimSuffix(seed, ":")
		}
	}
	return name
}

// overlay writes the broken file, and the file that tells Go to compile it.
func (m mutation) overlay(folder string) (string, error) {
	file, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), m.from); n != 1 {
		return "", fmt.Errorf("%q occurs %d times in %s, want once", m.from, n, m.file)
	}
	broken := filepath.Join(folder, "broken.go")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(source), m.from, m.to, 1)), 0o600); err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, "overlay.json")
	return overlay, os.WriteFile(overlay, content, 0o600)
}
