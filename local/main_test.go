package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v3"

	"registration.example/local/broker"
	"registration.example/messages"
)

// withLetters gives the address of a broker with two dead letters.
func withLetters(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	addr := cluster.ListenAddrs()[0]
	if err := broker.EnsureTopics(t.Context(), addr, broker.Topics()); err != nil {
		t.Fatal(err)
	}
	client, err := broker.Client(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for i, topic := range []messages.Topic{messages.UserCreateTopic, messages.UserApproveTopic} {
		l := messages.DeadLetter{
			Topic: topic, Source: "s", Time: time.Unix(0, 0).UTC(), Reason: "no event", Key: "k",
			Record: []byte("raw\n\x00"), OperationID: uuid.UUID{15: byte(i)},
		}
		value, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		record := &kgo.Record{Topic: string(topic.DeadLetter()), Value: value}
		if err := client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return addr
}

// What a person sees from the list to the last replay.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	addr := withLetters(t)
	for _, step := range []struct {
		args string
		want []string
	}{
		{"", []string{"user-create-dead-letter/0/0   1970-01-01T00:00:00Z  s       -   ", "no        no event", "00000000-0000-0000-0000-000000000001"}},
		{"show user-create-dead-letter/0/0", []string{"reason     no event\n", "topic      user-create\n", "key        k\n", `record     "raw\n\x00"`, "replayed   false"}},
		{"replay user-create-dead-letter/0/0", []string{"user-create-dead-letter/0/0 is on user-create again\n"}},
		{"list", []string{"yes       no event", "no        no event"}},
		{"replay --all", []string{"replayed 1 of 2"}},
		{"replay --all", []string{"replayed 0 of 2"}},
	} {
		var out bytes.Buffer
		args := append([]string{"-kafka", addr}, strings.Fields(step.args)...)
		if err := deadLetters(t.Context(), args, &out); err != nil {
			t.Fatalf("%s: %v", step.args, err)
		}
		for _, want := range step.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: got\n%s\nwant %q in it", step.args, out.String(), want)
			}
		}
	}
}

func TestDeadLettersFails(t *testing.T) {
	t.Parallel()
	addr := withLetters(t)
	for args, want := range map[string]string{
		"-kafka " + addr + " show":             "usage",
		"-kafka " + addr + " erase x":          "usage",
		"-kafka " + addr + " show x":           "no such dead letter",
		"-kafka " + addr + " replay a/0/0":     "no such dead letter",
		"-kafka 127.0.0.1:1":                   "is the system running?",
		"-kafka " + addr + " replay --all now": "usage",
	} {
		err := deadLetters(t.Context(), strings.Fields(args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// watchParent leaves a process alone whose parent lives.
func TestWatchParent(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	watchParent(ctx, func(err error) { t.Errorf("stopped: %v", err) })
}

// compose.yaml makes the topics that the embedded broker makes.
func TestComposeMakesTheTopics(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("..", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Healthcheck struct{ Test []string }
		}
	}
	if err := yaml.Unmarshal(content, &compose); err != nil {
		t.Fatal(err)
	}
	script := strings.Join(compose.Services["kafka"].Healthcheck.Test, "\n")
	for _, topic := range broker.Topics() {
		if line := fmt.Sprintf("make %s %d &&", topic.Name, topic.Partitions); strings.Count(script, line) != 1 {
			t.Errorf("the healthcheck of kafka lacks %q", line)
		}
	}
	if made := strings.Count(script, "make user-"); made != len(broker.Topics()) {
		t.Errorf("the healthcheck of kafka makes %d topics, want %d", made, len(broker.Topics()))
	}
}
