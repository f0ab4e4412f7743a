package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// release is one of platform/releases.yaml.
type release struct {
	Name, Namespace, Repo, Chart, Version string
	Values, Kind                          []string
}

func releases(t *testing.T) []release {
	t.Helper()
	text, err := os.ReadFile("../platform/releases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Releases []release }
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Releases
}

func (r release) command(kind bool) string {
	chart := "--repo " + r.Repo + " " + r.Chart
	if strings.HasPrefix(r.Repo, "oci://") {
		chart = r.Repo + "/" + r.Chart
	}
	command := "+ helm upgrade --install " + r.Name + " --namespace " + r.Namespace +
		" --create-namespace --version " + r.Version + " --wait --timeout 10m " + chart
	files := r.Values
	if kind {
		files = append(files, r.Kind...)
	}
	for _, file := range files {
		command += " --values values/" + file
	}
	return command
}

// TestReleasesAreInstalledAsWritten: the script reads the file with awk, and says
// the same as a YAML parser.
func TestReleasesAreInstalledAsWritten(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string][]string{"a cloud": {"--dry-run"}, "a laptop": {"--kind", "--dry-run"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.Command("../releases.sh", arguments...).Output()
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, r := range releases(t) {
				want = append(want, r.command(len(arguments) == 2))
			}
			if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
				t.Errorf("commands (-releases.yaml +releases.sh):\n%s", diff)
			}
		})
	}
}

// TestValuesFilesExist, and each is used.
func TestValuesFilesExist(t *testing.T) {
	t.Parallel()
	// Used by hand: see options/dapr-invoke.
	used := map[string]bool{"istio-ingressgateway.dapr-invoke.yaml": true}
	for _, r := range releases(t) {
		for _, file := range append(r.Values, r.Kind...) {
			used[file] = true
			text, err := os.ReadFile(filepath.Join("../platform/values", file))
			if err != nil {
				t.Error(err)
			}
			var values map[string]any
			if err := yaml.UnmarshalStrict(text, &values); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	files, err := filepath.Glob("../platform/values/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !used[filepath.Base(file)] {
			t.Errorf("%s belongs to no release", file)
		}
	}
}

// TestDaprChart renders Dapr's chart, the only one of them that a Go module
// holds, with the values of the release.
func TestDaprChart(t *testing.T) {
	t.Parallel()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/dapr/dapr").Output()
	if err != nil {
		t.Fatal(err)
	}
	chart := filepath.Join(strings.TrimSpace(string(module)), "charts", "dapr")
	helm := exec.Command(tool("helm"), "template", "dapr", chart, "--namespace", "dapr-system", "--kube-version", "1.35.0",
		"--values", "../platform/values/dapr.yaml")
	var stderr bytes.Buffer
	helm.Stderr = &stderr
	out, err := helm.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	for _, want := range []string{
		"failurePolicy: Fail",
		"dapr.io/injection: enabled",
		"name: SIDECAR_DROP_ALL_CAPABILITIES\n          value: \"true\"",
		"name: ACTORS_ENABLED\n          value: \"false\"",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the chart does not render %q", want)
		}
	}
}

// tool is the path of a program that `make cluster-tools` built.
func tool(name string) string {
	path, err := filepath.Abs(filepath.Join("../../.local/bin", name))
	if err != nil {
		return name
	}
	return path
}

// TestScore: kube-score has no complaint that is not silenced, with its reason,
// where it belongs. No container here has a CPU limit: throttling delays
// heartbeats, and a late one is a rebalance.
func TestScore(t *testing.T) {
	t.Parallel()
	for system, objects := range systems(t) {
		if strings.HasPrefix(system, "platform/") {
			continue // parts of others
		}
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			for _, object := range objects {
				document, err := yaml.Marshal(object.Object)
				if err != nil {
					t.Fatal(err)
				}
				text.WriteString("---\n")
				text.Write(document)
			}
			score := exec.Command(tool("kube-score"), "score", "--exit-one-on-warning", "--ignore-container-cpu-limit", "--output-format", "ci", "-")
			score.Stdin = &text
			out, err := score.CombinedOutput()
			for line := range strings.Lines(string(out)) {
				if strings.HasPrefix(line, "[WARNING]") || strings.HasPrefix(line, "[CRITICAL]") {
					t.Error(strings.TrimSpace(line))
				}
			}
			if err != nil {
				t.Errorf("kube-score: %v", err)
			}
		})
	}
}

// TestKindUp goes through the script without running what it says.
func TestKindUp(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("../kind-up.sh", "--dry-run").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := 0
	for _, step := range []string{
		"+ kind create cluster --config k8s/overlays/kind/kind.yaml",
		"+ make images",
		"+ kind load docker-image --name registration registration/approval-service:dev",
		"+ kubectl apply --server-side -f k8s/base/namespace.yaml",
		"+ k8s/secrets.sh",
		"+ k8s/releases.sh --kind",
		"create secret tls registration-tls",
		"+ kubectl apply --server-side -k k8s/overlays/kind",
		"wait kafka/kafka --for=condition=Ready",
		"Ready: https://registration.localhost:8443",
		"curl --cacert",
	} {
		found := strings.Index(string(out[at:]), step)
		if found < 0 {
			t.Fatalf("%q is missing, or comes too early:\n%s", step, out)
		}
		at += found
	}
}
