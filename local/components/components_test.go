package components_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"registration.example/local/components"
)

func noEnv(string) string { return "" }

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func component(kind, metadata string) string {
	return "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: c}\nspec:\n  type: " + kind +
		"\n  version: v1\n  metadata: " + metadata + "\nscopes: [a]\n"
}

func TestServers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  []components.Server
	}{
		"kafka, port by default": {
			map[string]string{"a.yaml": component("pubsub.kafka", "[{name: brokers, value: 'a:1, b'}]")},
			[]components.Server{{Name: "Kafka", Addresses: []string{"a:1", "b:9092"}}},
		},
		"from the environment": {
			map[string]string{"a.yml": component("pubsub.kafka", "[{name: brokers, envRef: KAFKA_BROKERS}]")},
			[]components.Server{{Name: "Kafka", Addresses: []string{"env:9"}}},
		},
		"mongodb by host": {
			map[string]string{"a.yaml": component("state.mongodb", "[{name: host, value: 'm:2'}]")},
			[]components.Server{{Name: "MongoDB", Addresses: []string{"m:2"}}},
		},
		"mongodb by connection string": {
			map[string]string{"a.yaml": component("state.mongodb",
				"[{name: connectionString, value: 'mongodb://u:p@m:3,n/?replicaSet=r'}]")},
			[]components.Server{{Name: "MongoDB", Addresses: []string{"m:3", "n:27017"}}},
		},
		"mongodb that only DNS knows": {
			map[string]string{"a.yaml": component("state.mongodb", "[{name: connectionString, value: 'mongodb+srv://x.example/'}]")},
			nil,
		},
		"two of one server": {
			map[string]string{"a.yaml": component("pubsub.kafka", "[{name: brokers, value: a}]") + "---\n" +
				component("pubsub.kafka", "[{name: brokers, value: a}]")},
			[]components.Server{{Name: "Kafka", Addresses: []string{"a:9092"}}},
		},
		"neither components nor YAML": {
			map[string]string{
				"a.yaml":   "kind: Subscription\nspec: {metadata: {rawPayload: 'true'}}\n",
				"b.yaml":   component("state.sqlite", "[{name: connectionString, value: x}]"),
				"README":   "{",
				"c.yaml.x": "{",
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			getenv := func(name string) string { return map[string]string{"KAFKA_BROKERS": "env:9"}[name] }
			got, err := components.Servers(getenv, folder(t, test.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Servers (-want +got):\n%s", diff)
			}
		})
	}
}

// The repository's own folders, as preflight finds them.
func TestServersOfTheRepository(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "components")
	got, err := components.Servers(noEnv, filepath.Join(root, "shared"), filepath.Join(root, "kafka-mongodb"))
	if err != nil {
		t.Fatal(err)
	}
	want := []components.Server{
		{Name: "Kafka", Addresses: []string{"localhost:9092"}},
		{Name: "MongoDB", Addresses: []string{"localhost:27017"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Servers (-want +got):\n%s", diff)
	}
}

func TestServersFails(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"no folder":   filepath.Join(t.TempDir(), "absent"),
		"no YAML":     folder(t, map[string]string{"a.yaml": "{"}),
		"no metadata": folder(t, map[string]string{"a.yaml": component("pubsub.kafka", "{a: b}")}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := components.Servers(noEnv, dir); err == nil {
				t.Error("Servers succeeded")
			}
		})
	}
}

// Only addresses change; everything else, other resources too, stays.
func TestCopyWith(t *testing.T) {
	t.Parallel()
	from := folder(t, map[string]string{
		"a.yaml": component("pubsub.kafka", "[{name: brokers, value: old:1}, {name: version, value: 2.3.0}]") + "---\n" +
			component("state.mongodb", "[{name: host, value: old:2}, {name: params, value: '?a'}, {name: databaseName, value: '{appID}'}]"),
		"b.yaml": "kind: Resiliency\nspec: {policies: {}}\n",
	})
	to := filepath.Join(t.TempDir(), "new", "folder")
	if err := components.CopyWith(from, to, components.Addresses{Kafka: "new:1", MongoDB: "mongodb://new:2"}); err != nil {
		t.Fatal(err)
	}
	servers, err := components.Servers(noEnv, to)
	if err != nil {
		t.Fatal(err)
	}
	want := []components.Server{
		{Name: "Kafka", Addresses: []string{"new:1"}}, {Name: "MongoDB", Addresses: []string{"new:2"}},
	}
	if diff := cmp.Diff(want, servers); diff != "" {
		t.Errorf("Servers of the copy (-want +got):\n%s", diff)
	}
	content, err := os.ReadFile(filepath.Join(to, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for text, times := range map[string]int{
		"2.3.0": 1, "{appID}": 1, "scopes:": 2, "kind: Component": 2, "apiVersion: dapr.io/v1alpha1": 2,
		"old": 0, "params": 0,
	} {
		if got := strings.Count(string(content), text); got != times {
			t.Errorf("%q stands %d times in the copy, want %d:\n%s", text, got, times, content)
		}
	}
	if _, err := os.Stat(filepath.Join(to, "b.yaml")); err != nil {
		t.Error(err)
	}
}

func TestAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	closed := refusing(t)
	there := components.Server{Name: "one of two", Addresses: []string{closed, l.Addr().String()}}
	away := components.Server{Name: "none", Addresses: []string{closed}}
	got := components.Away(t.Context(), []components.Server{away, there})
	if diff := cmp.Diff([]components.Server{away}, got); diff != "" {
		t.Errorf("Away (-want +got):\n%s", diff)
	}
}

// refusing is an address at which nobody listens: its port is held by a
// connection's other end.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().String()
}
