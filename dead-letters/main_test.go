package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"registration.example/messages"
)

// withLetters gives the address of a broker with two dead letters. The options
// of its client say how to get in.
func withLetters(t *testing.T, server []kfake.Opt, options ...kgo.Opt) (addr string) {
	t.Helper()
	for _, topic := range messages.Topics() {
		server = append(server, kfake.SeedTopics(1, string(topic), string(topic.DeadLetter())))
	}
	cluster, err := kfake.NewCluster(append(server, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	addr = cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
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

// call runs the program.
func call(ctx context.Context, env map[string]string, args string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	getenv := func(name string) string { return env[name] }
	status = start(ctx, strings.Fields(args), getenv, &out, &errs)
	return status, out.String(), errs.String()
}

// What a person sees from the list to the last replay.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	addr := withLetters(t, nil)
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
		status, out, errs := call(t.Context(), nil, "-kafka "+addr+" "+step.args)
		if status != statusOK || errs != "" {
			t.Fatalf("%s: status %d, %s", step.args, status, errs)
		}
		for _, want := range step.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: got\n%s\nwant %q in it", step.args, out, want)
			}
		}
	}
}

func TestDeadLettersFails(t *testing.T) {
	t.Parallel()
	noCA := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(noCA, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KAFKA_BROKERS": withLetters(t, nil)}
	for args, want := range map[string]struct {
		status int
		text   string
	}{
		"show":               {statusUsage, "called wrongly"},
		"erase x":            {statusUsage, "called wrongly"},
		"replay --all now":   {statusUsage, "called wrongly"},
		"-broker x":          {statusUsage, "called wrongly"},
		"show x":             {statusWrong, "no such dead letter"},
		"replay a/0/0":       {statusWrong, "no such dead letter"},
		"-kafka 127.0.0.1:1": {statusWrong, "is the system running?"},
		"-ca-file nowhere":   {statusWrong, "nowhere"},
		"-ca-file " + noCA:   {statusWrong, "no certificate"},
	} {
		status, _, errs := call(t.Context(), env, args)
		if status != want.status || !strings.Contains(errs, want.text) {
			t.Errorf("%s: status %d, %q; want %d, %q", args, status, errs, want.status, want.text)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	status, _, errs := call(t.Context(), nil, "-h")
	for _, want := range []string{"replay --all", "KAFKA_BROKERS", "KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_CA_FILE"} {
		if status != statusOK || !strings.Contains(errs, want) {
			t.Errorf("-h: status %d, got\n%s\nwant %q in it", status, errs, want)
		}
	}
}

// In a pod it waits for its end, whatever Kafka does.
func TestWait(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, stop)
	if status, _, errs := call(ctx, nil, "-kafka 127.0.0.1:1 wait"); status != statusOK || ctx.Err() == nil {
		t.Errorf("status %d, %s", status, errs)
	}
}

// certificate gives a server its certificate, and clients the file that they
// trust it by.
func certificate(t *testing.T) (server *tls.Config, caFile string) {
	t.Helper()
	https := httptest.NewTLSServer(nil)
	defer https.Close()
	return &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}, pemFile(t, https.Certificate().Raw)
}

// otherCA is the file of a certificate that no server here has to do with.
func otherCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pemFile(t, der)
}

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A Kafka as in a cluster: who comes has to log in, over TLS.
func TestLogin(t *testing.T) {
	t.Parallel()
	server, caFile := certificate(t)
	ca, err := readCA(caFile)
	if err != nil {
		t.Fatal(err)
	}
	addr := withLetters(t,
		[]kfake.Opt{kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "operator", "secret")},
		kgo.DialTLSConfig(&tls.Config{RootCAs: ca, MinVersion: tls.VersionTLS12}),
		kgo.SASL(scram.Auth{User: "operator", Pass: "secret"}.AsSha512Mechanism()))
	env := map[string]string{"KAFKA_BROKERS": addr, "KAFKA_USER": "operator", "KAFKA_PASSWORD": "secret", "KAFKA_CA_FILE": caFile}
	for _, step := range []struct{ args, want string }{
		{"list", "no        no event"},
		{"replay --all", "replayed 2 of 2"},
		{"list", "yes       no event"},
	} {
		if status, out, errs := call(t.Context(), env, step.args); status != statusOK || !strings.Contains(out, step.want) {
			t.Errorf("%s: status %d, got\n%s%s\nwant %q in it", step.args, status, out, errs, step.want)
		}
	}
	for name, refused := range map[string]struct{ variable, value, want string }{
		"a wrong password": {"KAFKA_PASSWORD", "guess", "are user, password"},
		"another user":     {"KAFKA_USER", "stranger", "are user, password"},
		"no login":         {"KAFKA_USER", "", "are user, password"},
		"an unknown CA":    {"KAFKA_CA_FILE", otherCA(t), "signed by unknown authority"},
		"no TLS":           {"KAFKA_CA_FILE", "", "are user, password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(env)
			env[refused.variable] = refused.value
			status, out, errs := call(t.Context(), env, "list")
			if status != statusWrong || out != "" || !strings.Contains(errs, refused.want) {
				t.Errorf("status %d, got\n%s%s\nwant %q in it", status, out, errs, refused.want)
			}
		})
	}
}
