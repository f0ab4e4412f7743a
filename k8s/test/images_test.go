package test

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// dockerfile finds what the Dockerfile runs and copies.
func dockerfile(t *testing.T) (flags []string) {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`go build -C "\$PROGRAM" (.*) -ldflags="(.*)" -o /program \.`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Dockerfile does not build as this test expects")
	}
	return append(strings.Fields(string(found[1])), "-ldflags="+string(found[2]))
}

// buildContext copies what .dockerignore lets through.
func buildContext(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	for line := range strings.Lines(string(text)) {
		pattern, ok := strings.CutPrefix(strings.TrimSpace(line), "!")
		if !ok {
			continue
		}
		folder, whole := strings.CutSuffix(pattern, "/**")
		if whole {
			err = os.CopyFS(filepath.Join(to, folder), os.DirFS(filepath.Join("../..", folder)))
		} else {
			err = copyFile(filepath.Join("../..", pattern), filepath.Join(to, pattern))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// TestImages builds each program as the Dockerfile does, from what the build
// would see, and holds it to what an empty image has: no loader, no libraries.
func TestImages(t *testing.T) {
	t.Parallel()
	source, flags := buildContext(t), dockerfile(t)
	for name, setting := range map[string]string{
		"operation-service": "PORT", "user-service": "PORT", "approval-service": "PORT", "dead-letters": "KAFKA_BROKERS", "load": "TARGET",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "program")
			arguments := append([]string{"build", "-C", filepath.Join(source, name)}, flags...)
			build := exec.Command("go", append(arguments, "-o", program, ".")...)
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			isStatic(t, program)
			var usage bytes.Buffer
			start := exec.Command(program, "-h")
			start.Env = []string{} // an empty image sets nothing
			start.Stderr = &usage
			if err := start.Run(); err != nil || !strings.Contains(usage.String(), setting) {
				t.Errorf("%s -h: %v\n%s", name, err, usage.String())
			}
		})
	}
}

func isStatic(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			t.Errorf("%s wants a loader", program)
		}
	}
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("%s wants %v (%v)", program, libraries, err)
	}
}
