package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"registration.example/local/broker"
	"registration.example/local/dapr"
	"registration.example/local/system"
	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
	"registration.example/sidecar/conformance"
)

// TestTopics runs the conformance suite over the profile's broker, through the
// sidecars of a publisher and of a consumer that is this test; with bulk
// deliveries, and with single ones.
func TestTopics(t *testing.T) {
	own(t)
	root, err := system.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(root, "components", "shared")
	t.Run("bulk", func(t *testing.T) { conformance.Topics(t, newBus(t, root, shared)) })
	t.Run("single", func(t *testing.T) { conformance.Topics(t, newBus(t, root, withoutBulk(t, shared))) })
}

// withoutBulk copies subscriptions, with bulk deliveries turned off.
func withoutBulk(t *testing.T, shared string) string {
	t.Helper()
	const name = "subscriptions.yaml"
	content, err := os.ReadFile(filepath.Join(shared, name))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	off := bytes.ReplaceAll(content, []byte("enabled: true"), []byte("enabled: false"))
	if err := os.WriteFile(filepath.Join(folder, name), off, 0o600); err != nil || bytes.Equal(off, content) {
		t.Fatalf("turn off bulk deliveries: %v", err)
	}
	return folder
}

func newBus(t *testing.T, root, shared string) *bus {
	t.Helper()
	base, err := system.FreePortBase()
	if err != nil {
		t.Fatal(err)
	}
	b := &bus{consume: &atomic.Pointer[sidecar.Consumer]{}}
	b.Deliver(func(context.Context, []sidecar.Delivery) []error { return nil })
	b.listen(t, base)
	brokers := ownBroker(t)
	startSidecar(t, root, shared, brokers, operationService, base+10, 0)
	startSidecar(t, root, shared, brokers, userService, base+20, base)
	if b.publisher, err = sidecar.Connect(sidecar.Options{Address: fmt.Sprintf("127.0.0.1:%d", base+10), Timeout: 10 * time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.publisher.Close)
	wantUp(t, b.publisher)
	return b
}

// bus is user-create, from operation-service's sidecar to user-service's.
type bus struct {
	publisher *sidecar.Client
	consume   *atomic.Pointer[sidecar.Consumer]
}

// Publish implements conformance.Bus.
func (b *bus) Publish(ctx context.Context, batch []sidecar.Message) error {
	return b.publisher.Publish(ctx, service.PubSub, string(messages.UserCreateTopic), batch)
}

// Deliver implements conformance.Bus.
func (b *bus) Deliver(consume sidecar.Consumer) { b.consume.Store(&consume) }

// listen takes what user-service's sidecar delivers.
func (b *bus) listen(t *testing.T, port int) {
	t.Helper()
	router := mux.NewRouter()
	consume := func(ctx context.Context, batch []sidecar.Delivery) []error { return (*b.consume.Load())(ctx, batch) }
	sidecar.Routes(router, "", map[string]sidecar.Consumer{
		string(messages.UserCreateTopic): consume, string(messages.UserApproveResponseTopic): consume,
	})
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: router, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}

// ownBroker gives a broker of the profile's kind with topics of its own.
func ownBroker(t *testing.T) string {
	t.Helper()
	if os.Getenv("E2E_PROFILE") == "kafka" {
		addr, stop, err := startKafka(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		return addr
	}
	b, err := broker.Start(t.Context(), broker.Options{Addr: "127.0.0.1:0", Data: t.TempDir(), Topics: broker.Topics()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr()
}

// startSidecar starts a sidecar with the embedded components.
func startSidecar(t *testing.T, root, shared, brokers, app string, grpcPort, appPort int) {
	t.Helper()
	d, err := dapr.Get(t.Context(), dapr.Options{Root: root, Folder: filepath.Join(root, ".local", "dapr"), Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	components := filepath.Join(root, "components")
	args := []string{
		"--app-id", app, "--dapr-grpc-port", fmt.Sprint(grpcPort), "--dapr-http-port", fmt.Sprint(grpcPort + 1),
		"--dapr-internal-grpc-port", fmt.Sprint(grpcPort + 2), "--metrics-port", fmt.Sprint(grpcPort + 3), "--dapr-listen-addresses", "127.0.0.1",
		"--placement-host-address", "", "--scheduler-host-address", "", "--max-body-size", "16Mi", "--log-level", "warn",
		"--config", filepath.Join(components, "configuration.yaml"),
		"--resources-path", shared, "--resources-path", filepath.Join(components, "embedded"),
	}
	if appPort > 0 {
		args = append(args, "--app-port", fmt.Sprint(appPort))
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), d.Daprd(), args...) //nolint:gosec // the arguments stand here
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), t.Output(), t.Output()
	cmd.Env = append(os.Environ(), "KAFKA_BROKERS="+brokers)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
	})
}

// wantUp waits until a sidecar answers.
func wantUp(t *testing.T, client *sidecar.Client) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(endWithin); ; <-tick.C {
		_, err := client.Status(t.Context())
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
