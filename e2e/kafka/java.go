package kafka

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

const (
	oldestJava = 17
	copyGoal   = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
)

// ErrMissing is the cause when Java or Maven are not installed; the message
// says how to install them.
var ErrMissing = errors.New(`not found. Apache Kafka needs Java 17 or newer, and Maven the first time:
  Debian, Ubuntu   apt-get install -y openjdk-17-jdk-headless maven
  Fedora           dnf install -y java-21-openjdk-headless maven
  macOS            brew install openjdk@17 maven, then export JAVA_HOME="$(brew --prefix openjdk@17)"`)

//go:embed pom.xml
var pom string

var versionLine = regexp.MustCompile(`version "(\d+)`)

// javaRuntime is a Java machine and the jars it is to run.
type javaRuntime struct{ java, jars string }

// findRuntime finds Java, and the jars or else fetches them.
func findRuntime(ctx context.Context, jars string) (javaRuntime, error) {
	java, err := findJava(ctx)
	if err != nil {
		return javaRuntime{}, err
	}
	if jars == "" {
		if jars, err = defaultJars(); err != nil {
			return javaRuntime{}, err
		}
	}
	if jars, err = filepath.Abs(jars); err != nil {
		return javaRuntime{}, fmt.Errorf("folder of jars: %w", err)
	}
	return javaRuntime{java: java, jars: jars}, fetchJars(ctx, jars)
}

// command runs a main class in the broker's folder.
func (j javaRuntime) command(ctx context.Context, options Options, class string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, j.java, append([]string{
		"-Xmx512m",
		"-XX:+ExitOnOutOfMemoryError",
		"-Dlog4j2.configurationFile=" + loggingFile,
		"-cp", filepath.Join(j.jars, "*"),
		class,
	}, args...)...)
	cmd.Dir = options.Dir
	return cmd
}

// findJava looks where JAVA_HOME points, else on the PATH.
func findJava(ctx context.Context) (string, error) {
	name := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		name = filepath.Join(home, "bin", "java")
	}
	java, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, ErrMissing)
	}
	said, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s -version: %w\n%s", java, err, said)
	}
	found := versionLine.FindSubmatch(said)
	if found == nil {
		return "", fmt.Errorf("%s -version: no version in %q", java, said)
	}
	if version, _ := strconv.Atoi(string(found[1])); version < oldestJava {
		return "", fmt.Errorf("%s is version %d; one of at least %d was %w", java, version, oldestJava, ErrMissing)
	}
	return java, nil
}

// fetchJars has Maven copy what pom.xml names, once: the folder keeps the pom
// that it was filled by. It is filled under another name first, so that an
// interrupted copy is never taken for a whole one.
func fetchJars(ctx context.Context, jars string) error {
	if had, err := os.ReadFile(filepath.Join(jars, "pom.xml")); err == nil && string(had) == pom {
		return nil
	}
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("mvn: %w", ErrMissing)
	}
	if err := os.MkdirAll(filepath.Dir(jars), 0o755); err != nil {
		return fmt.Errorf("folder of jars: %w", err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(jars), "fetching-")
	if err != nil {
		return fmt.Errorf("folder of jars: %w", err)
	}
	defer os.RemoveAll(fresh)
	if err := os.WriteFile(filepath.Join(fresh, "pom.xml"), []byte(pom), 0o644); err != nil {
		return fmt.Errorf("folder of jars: %w", err)
	}
	copying := exec.CommandContext(ctx, maven, "--batch-mode", "--quiet", copyGoal,
		"-DincludeScope=runtime", "-DoutputDirectory="+fresh)
	copying.Dir = fresh
	if out, err := copying.CombinedOutput(); err != nil {
		return fmt.Errorf("maven could not fetch Apache Kafka %s: %w\n%s", Version, err, out)
	}
	if err := errors.Join(os.RemoveAll(jars), os.Rename(fresh, jars)); err != nil {
		return fmt.Errorf("folder of jars: %w", err)
	}
	return nil
}

// defaultJars is .local/kafka/jars of the repository that the working directory
// lies in.
func defaultJars() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "e2e", "kafka", "pom.xml")); err == nil {
			return filepath.Join(dir, ".local", "kafka", "jars"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s does not lie in the repository: say where the jars are to be kept", start)
		}
	}
}
