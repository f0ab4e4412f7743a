// Package experiment is the experiment of the article of 2020, for real: load
// rises, lag rises, KEDA reads it, the autoscaler scales, consumers join, the
// lag drains, and replicas go when the load is over.
package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"registration.example/cluster/controlplane"
	"registration.example/cluster/manifests"
	"registration.example/cluster/pods"
	"registration.example/cluster/programs"
	"registration.example/cluster/record"
	"registration.example/local/broker"
	"registration.example/messages"
)

// Options say what is run and where its records go.
type Options struct {
	// Root is the repository, and Folder where everything of the run is kept.
	Root, Folder string
	// PortBase is the first of portRange ports.
	PortBase int
	// Kafka takes an Apache Kafka instead of the embedded broker.
	Kafka bool
	// LagOnly scales by the lag alone.
	LagOnly bool
	// Results gets the CSV and the figure.
	Results string
	// Guard is the program that ends what this one leaves behind.
	Guard string
	// Out is told how it goes.
	Out io.Writer
}

// scaling is how this run is scaled, as its record has it.
func (o Options) scaling() string {
	if o.LagOnly {
		return "lag"
	}
	return "lag-and-rate"
}

// overlay is the folder in cluster/overlay with what is applied.
func (o Options) overlay() string {
	if o.LagOnly {
		return "base"
	}
	return "real"
}

const (
	// timeLapse is how much faster everything goes than in production: the
	// autoscaler looks every 5 s instead of every 15 s, and all times of the
	// ScaledObject are a third.
	timeLapse = 3
	hpaSync   = 15 * time.Second / timeLapse
	// scrape is how often Prometheus asks.
	scrape = 15 * time.Second / timeLapse

	namespace = "registration"
	service   = "approval-service"
	selector  = "app=" + service
	// podsPerNode is Kubernetes' own default.
	podsPerNode = 110
	// maxPods is how many pods with processes this machine has ports for.
	maxPods = 40
)

// Ports, from PortBase on.
const (
	brokerPort   = controlplane.PortRange
	exporterPort = brokerPort + 1
	podPorts     = 100
)

// setting is what every run has: a control plane, a broker and a recorder.
type setting struct {
	o          Options
	programs   programs.Set
	plane      *controlplane.ControlPlane
	broker     string
	admin      *kadm.Client
	prometheus string
	stops      []func()
}

// prepare builds what has to be built and starts the cluster and the broker.
func prepare(ctx context.Context, o Options, nodes, podsPerNode int, partitions map[string]int32) (s *setting, err error) {
	s = &setting{o: o}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.programs, err = programs.Build(ctx, programs.Options{Root: o.Root, Folder: filepath.Join(o.Root, ".local", "cluster", "bin"), Out: o.Out}); err != nil {
		return s, err
	}
	if err := checkPorts(o.PortBase); err != nil {
		return s, err
	}
	if err := os.RemoveAll(o.Folder); err != nil {
		return s, err
	}
	if err := s.startBroker(ctx, partitions); err != nil {
		return s, err
	}
	s.plane, err = controlplane.Start(ctx, controlplane.Options{
		Programs: s.programs, Root: o.Root, Folder: filepath.Join(o.Folder, "controlplane"), PortBase: o.PortBase,
		Nodes: nodes, PodsPerNode: podsPerNode, HPASync: hpaSync, Guard: o.Guard, Out: o.Out,
	})
	if err != nil {
		return s, err
	}
	s.stops = append(s.stops, s.plane.Stop)
	return s, nil
}

func (s *setting) stop() {
	for _, stop := range slices.Backward(s.stops) {
		stop()
	}
}

// connect makes the client that looks at offsets and groups.
func (s *setting) connect() error {
	client, err := broker.Client(s.broker)
	if err != nil {
		return err
	}
	s.admin = kadm.NewClient(client)
	s.stops = append(s.stops, client.Close)
	return nil
}

// serveOffsets serves the end offsets of topics, and starts a Prometheus that
// asks for them.
func (s *setting) serveOffsets(ctx context.Context, topics ...string) error {
	listener, err := net.Listen("tcp", s.address(exporterPort))
	if err != nil {
		return fmt.Errorf("serve offsets: %w", err)
	}
	server := &http.Server{Handler: record.Exporter(s.admin, topics...), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	s.stops = append(s.stops, func() { _ = server.Close() })
	s.prometheus, err = s.plane.StartPrometheus(ctx, listener.Addr().String(), record.OffsetMetric, scrape)
	return err
}

func (s *setting) address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.o.PortBase+port))
}

// objects renders an overlay.
func (s *setting) objects(ctx context.Context, overlay string) ([]manifests.Object, error) {
	text, err := s.plane.Kubectl(ctx, "", "kustomize", filepath.Join(s.o.Root, "cluster", "overlay", overlay))
	if err != nil {
		return nil, err
	}
	return manifests.Parse(text)
}

// apply applies objects as a person would: with kubectl.
func (s *setting) apply(ctx context.Context, objects []manifests.Object) error {
	text, err := manifests.Text(objects)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.o.Folder, "manifests.yaml"), []byte(text), 0o644); err != nil {
		return err
	}
	_, err = s.plane.Kubectl(ctx, text, "apply", "--server-side", "-f", "-")
	return err
}

// topics are those of the saga, with so many partitions for the scaled one.
func topics(scaled int32) map[string]int32 {
	partitions := make(map[string]int32)
	for _, topic := range broker.Topics() {
		partitions[topic.Name] = topic.Partitions
	}
	partitions[string(messages.UserApproveTopic)] = scaled
	return partitions
}

// sagaTopics are the four topics whose records are events.
func sagaTopics() []string {
	var names []string
	for _, topic := range messages.Topics() {
		names = append(names, string(topic))
	}
	return names
}

// buildServices builds the services and finds or builds the sidecar.
func (s *setting) buildServices(ctx context.Context) (map[string]string, error) {
	folder := filepath.Join(s.o.Root, ".local", "cluster", "bin")
	paths := map[string]string{}
	args := []string{"build", "-o", folder + "/"}
	for _, name := range []string{"operation-service", "user-service", service} {
		paths[name] = filepath.Join(folder, name)
		args = append(args, "./"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.o.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the services: %w\n%s", err, out)
	}
	daprd, err := daprd(ctx, s.o)
	paths["daprd"] = daprd
	return paths, err
}

// portRange is how many ports a run takes.
var portRange = podPorts + pods.PortRange(maxPods)

// checkPorts says which port is taken.
func checkPorts(base int) error {
	var taken []error
	for port := base; port < base+portRange; port++ {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			taken = append(taken, fmt.Errorf("port %d is taken: %w", port, err))
			continue
		}
		_ = listener.Close()
	}
	return errors.Join(taken...)
}
