package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	corev1 "k8s.io/api/core/v1"

	"registration.example/k8s/test/broker"
	"registration.example/messages"
)

// TestDeadLettersInTheirPod calls the program as `kubectl exec` would: with the
// pod's environment, on a broker that wants TLS, a login and the rights of its
// Kafka user. One dead letter is on each topic.
func TestDeadLettersInTheirPod(t *testing.T) {
	t.Parallel()
	objects, b := broker.Deployed(t, "../overlays/aks")
	client, err := b.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, topic := range messages.Topics() {
		value, err := messages.DeadLetter{Topic: topic, Time: time.Now(), Reason: "no event", Record: []byte("x")}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: string(topic.DeadLetter()), Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	container := admitted(t, objects)["dead-letters"].Spec.Containers[0]
	program := filepath.Join(t.TempDir(), "dead-letters")
	build := exec.Command("go", "build", "-C", "../../dead-letters", "-o", program, ".")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, step := range []struct{ args, want string }{
		{"list", "user-create-response-dead-letter/0/0"},
		{"replay user-create-dead-letter/0/0", "user-create-dead-letter/0/0 is on user-create again"},
		{"replay --all", "replayed 3 of 4"},
		{"replay --all", "replayed 0 of 4"},
	} {
		command := exec.Command(program, strings.Fields(step.args)...)
		command.Env = environment(t, container, b)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), step.want) {
			t.Errorf("%s: %v, got\n%s\nwant %q in it", step.args, err, out, step.want)
		}
	}
}

// environment gives the variables of the pod, with what Strimzi would put into
// its Secrets.
func environment(t *testing.T, container corev1.Container, b *broker.Broker) []string {
	t.Helper()
	var all []string
	for _, env := range container.Env {
		value := env.Value
		switch {
		case env.Name == "KAFKA_BROKERS":
			value = b.Addr
		case env.Name == "KAFKA_CA_FILE":
			if mount := container.VolumeMounts[0].MountPath; value != mount+"/ca.crt" {
				t.Errorf("%s is %s, and what is mounted is in %s", env.Name, value, mount)
			}
			value = filepath.Join(t.TempDir(), "ca.crt")
			if err := os.WriteFile(value, []byte(b.CA), 0o600); err != nil {
				t.Fatal(err)
			}
		case env.ValueFrom != nil:
			value = broker.Password(env.ValueFrom.SecretKeyRef.Name)
		}
		all = append(all, env.Name+"="+value)
	}
	return all
}
