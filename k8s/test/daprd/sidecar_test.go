package daprd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"registration.example/k8s/test/broker"
	"registration.example/k8s/test/injector"
	"registration.example/k8s/test/manifests"
	"registration.example/local/dapr"
)

// sidecar is a running daprd, and the app beside it.
type sidecar struct {
	app string
	// http is where its API listens.
	http string
	// tokens of the API and of the app.
	apiToken string
	events   chan string
	log      *logBuffer
}

// logBuffer is written to by a process while a test reads it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// program finds daprd, or builds it as `make run` does.
func program(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	d, err := dapr.Get(t.Context(), dapr.Options{Root: root, Folder: filepath.Join(root, ".local", "dapr"), Out: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	return d.Daprd()
}

// start runs the sidecar of an app's pod.
func start(t *testing.T, objects manifests.Objects, b *broker.Broker, app string) *sidecar {
	t.Helper()
	settings, err := injector.ReadSettings("../../platform/values/dapr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pod, err := injector.Pod(objects.Find("Deployment", app))
	if err != nil {
		t.Fatal(err)
	}
	if pod, err = settings.Inject(pod); err != nil {
		t.Fatal(err)
	}
	container := injector.Sidecar(pod)
	s := &sidecar{app: app, events: make(chan string, 100), log: new(logBuffer), apiToken: app + "-api-token/token"}
	appPort := s.serve(t)
	httpPort := freePort(t)
	s.http = fmt.Sprintf("http://127.0.0.1:%d", httpPort)
	resources := resourceFolder(t, objects, b)
	cmd := exec.CommandContext(t.Context(), program(t), arguments(container.Args[1:], map[string]string{
		"--mode":                    "standalone",
		"--config":                  filepath.Join(resources, "configuration", "registration.yaml"),
		"--dapr-http-port":          strconv.Itoa(httpPort),
		"--dapr-grpc-port":          strconv.Itoa(freePort(t)),
		"--dapr-internal-grpc-port": strconv.Itoa(freePort(t)),
		"--dapr-public-port":        strconv.Itoa(freePort(t)),
		"--metrics-port":            strconv.Itoa(freePort(t)),
		"--app-port":                strconv.Itoa(appPort),
		"--dapr-listen-addresses":   "127.0.0.1",
		"--resources-path":          resources,
	})...)
	cmd.Env = environment(t, container, b)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of the sidecar of %s:\n%s", app, s.log)
		}
	})
	return s
}

// notHere are flags for what a cluster has and a machine has not: its control
// plane, and the identities that it gives out.
var notHere = []string{"--control-plane-address", "--sentry-address", "--enable-mtls"}

// arguments gives the injector's with others in their place.
func arguments(args []string, other map[string]string) []string {
	var all []string
	for i := 0; i < len(args); i++ {
		flag := args[i]
		hasValue := i+1 < len(args) && !strings.HasPrefix(args[i+1], "--")
		value := ""
		if hasValue {
			i++
			value = args[i]
		}
		if slices.Contains(notHere, flag) {
			continue
		}
		if replaced, ok := other[flag]; ok {
			value = replaced
			delete(other, flag)
		}
		all = append(all, flag)
		if hasValue {
			all = append(all, value)
		}
	}
	for flag, value := range other {
		all = append(all, flag, value)
	}
	return all
}

// environment gives the container's variables, Secrets resolved.
func environment(t *testing.T, container *corev1.Container, b *broker.Broker) []string {
	t.Helper()
	mongodb := os.Getenv("MONGODB_URI")
	if mongodb == "" {
		mongodb = "mongodb://127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=500"
	}
	var all []string
	for _, env := range container.Env {
		value := env.Value
		if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			ref := env.ValueFrom.SecretKeyRef
			switch {
			case ref.Name == "kafka-cluster-ca-cert":
				value = b.CA
			case strings.HasSuffix(ref.Name, "-mongodb"):
				value = mongodb
			case ref.Key == "password":
				value = broker.Password(ref.Name)
			default:
				value = ref.Name + "/" + ref.Key
			}
		}
		all = append(all, env.Name+"="+value)
	}
	return append(all, "POD_NAME=pod", "HOME="+t.TempDir())
}

// resourceFolder writes what sidecars read, as rendered, with the address of the
// broker. Without a MongoDB its component may fail.
func resourceFolder(t *testing.T, objects manifests.Objects, b *broker.Broker) string {
	t.Helper()
	folder := t.TempDir()
	for _, object := range objects {
		object = object.DeepCopy()
		to := folder
		switch object.GetKind() {
		case "Component", "Subscription", "Resiliency":
		case "Configuration":
			to = filepath.Join(folder, "configuration")
		default:
			continue
		}
		// The namespace of a process outside of a cluster is another one.
		object.SetNamespace("")
		spec, _ := object.Object["spec"].(map[string]any)
		if spec["type"] == "pubsub.kafka" {
			for _, item := range spec["metadata"].([]any) {
				if setting := item.(map[string]any); setting["name"] == "brokers" {
					setting["value"] = b.Addr
				}
			}
		}
		if spec["type"] == "state.mongodb" && os.Getenv("MONGODB_URI") == "" {
			spec["ignoreErrors"] = true
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		name := object.GetName() + ".yaml"
		if object.GetKind() != "Configuration" {
			name = object.GetKind() + "-" + name
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// serve stands in for the service: it takes what the sidecar delivers, if it
// shows the app's token.
func (s *sidecar) serve(t *testing.T) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/events/") {
			http.NotFound(w, r)
			return
		}
		if r.Header.Get("dapr-api-token") != s.app+"-app-token/token" {
			s.events <- "delivery without the app's token"
		}
		statuses := bulk(r)
		s.events <- strings.TrimPrefix(r.URL.Path, "/events/")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(statuses)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().(*net.TCPAddr).Port
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// call asks the sidecar's API.
func (s *sidecar) call(ctx context.Context, method, path, body string) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.http+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("dapr-api-token", s.apiToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	return response.StatusCode, text.String(), err
}

// await calls until the condition holds.
func (s *sidecar) await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	limit := time.After(time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-limit:
			t.Fatalf("sidecar of %s: gave up waiting until %s", s.app, what)
		case <-tick.C:
		}
	}
}
