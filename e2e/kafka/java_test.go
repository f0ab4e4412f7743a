package kafka

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// script makes an executable that stands in for Java or Maven.
func script(t *testing.T, dir, name, body string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	const goodJava = `echo 'openjdk version "21.0.4" 2024-07-16' >&2`
	tests := map[string]struct {
		java, want string
		missing    bool
	}{
		"no Java":       {want: "apt-get install -y openjdk-17-jdk-headless maven", missing: true},
		"an old Java":   {java: `echo 'java version "1.8.0_392"' >&2`, want: "is version 1", missing: true},
		"no real Java":  {java: `echo 'The operation could not be completed'; exit 1`, want: "could not be completed"},
		"no Maven":      {java: goodJava, want: "mvn: not found", missing: true},
		"unknown words": {java: `echo GraalVM`, want: `no version in "GraalVM\n"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			if test.java != "" {
				script(t, bin, "java", test.java)
			}
			t.Setenv("JAVA_HOME", "")
			t.Setenv("PATH", bin)

			_, err := Start(t.Context(), Options{Dir: t.TempDir(), Jars: filepath.Join(t.TempDir(), "jars")})
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrMissing) != test.missing {
				t.Errorf("got %v, want %q in it, and missing %t", err, test.want, test.missing)
			}
		})
	}
}

func TestFetchJarsOnce(t *testing.T) {
	bin := t.TempDir()
	jars := filepath.Join(t.TempDir(), "kafka", "jars")
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	script(t, bin, "mvn", "echo no network; exit 1")
	err := fetchJars(t.Context(), jars)
	if err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("failed Maven: got %v, want what it said", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(jars), "*")); len(left) > 0 {
		t.Errorf("failed Maven left %v", left)
	}

	script(t, bin, "mvn", "touch kafka.jar")
	if err := fetchJars(t.Context(), jars); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(jars, "kafka.jar")); err != nil {
		t.Error(err)
	}

	script(t, bin, "mvn", "echo asked again; exit 1")
	if err := fetchJars(t.Context(), jars); err != nil {
		t.Errorf("second time: %v", err)
	}
}
