package broker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"registration.example/local/broker"
)

// serveEnv makes this test binary a broker: one that can be killed.
const serveEnv = "BROKER_TEST_DATA"

func TestMain(m *testing.M) {
	if data := os.Getenv(serveEnv); data != "" {
		os.Exit(serve(data))
	}
	os.Exit(m.Run())
}

func serve(data string) int {
	b, err := broker.Start(context.Background(), options(data))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(b.Addr())
	select {}
}

func options(data string) broker.Options {
	return broker.Options{
		Addr:   "127.0.0.1:0",
		Data:   data,
		Topics: []broker.Topic{{Name: "t", Partitions: 3}},
		Log:    slog.New(slog.DiscardHandler),
	}
}

// startProcess serves data from a process of its own and says where.
func startProcess(t *testing.T, data string) (addr string, process *os.Process) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("broker did not start: %v", err)
	}
	return strings.TrimSpace(line), cmd.Process
}

func kill(process *os.Process) {
	_ = process.Kill()
	_, _ = process.Wait()
}

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := broker.Client(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRecordsAndOffsetsSurviveKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	want := make(map[string]bool)
	const rounds, records = 3, 200
	for round := range rounds {
		addr, process := startProcess(t, data)
		c := client(t, addr)
		for i := range records {
			value := fmt.Sprintf("%d-%d", round, i)
			record := &kgo.Record{Topic: "t", Key: []byte(value), Value: []byte(value)}
			if err := c.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			want[value] = true
		}
		commit(t, c, int64(round))
		kill(process)
	}

	addr, process := startProcess(t, data)
	defer kill(process)
	if diff := cmp.Diff(want, readAll(t, addr, len(want))); diff != "" {
		t.Errorf("records after kill (-want +got):\n%s", diff)
	}
	offsets, err := kadm.NewClient(client(t, addr)).FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := offsets.Lookup("t", 0); got.At != rounds-1 {
		t.Errorf("committed offset after kill = %d, want %d", got.At, rounds-1)
	}
}

func commit(t *testing.T, c *kgo.Client, at int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "t", Partition: 0, At: at})
	if err := kadm.NewClient(c).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, addr string, n int) map[string]bool {
	t.Helper()
	c := client(t, addr, kgo.ConsumeTopics("t"))
	got := make(map[string]bool)
	for len(got) < n {
		fetches := c.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			got[string(r.Value)] = true
		}
	}
	return got
}

// A topic added in a later version appears in old data, and what is there
// keeps its records and partitions.
func TestEnsureTopicsAddsToOldData(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.Topics = append(o.Topics, broker.Topic{Name: "fewer", Partitions: 3})
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()

	o.Topics = []broker.Topic{{Name: "t", Partitions: 9}, {Name: "fewer", Partitions: 1}, {Name: "new", Partitions: 2}}
	b, err = broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	details, err := kadm.NewClient(client(t, b.Addr())).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for name := range details {
		got[name] = len(details[name].Partitions)
	}
	if diff := cmp.Diff(map[string]int{"t": 9, "fewer": 3, "new": 2}, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

// forward passes connections on to addr, and says where it listens.
func forward(t *testing.T, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, client) }()
			go func() { _, _ = io.Copy(client, server) }()
		}
	}()
	return l.Addr().String()
}

// Clients that found the broker go on with the address that it tells.
func TestAdvertisedAddress(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t.TempDir())
	o.Addr = free.Addr().String()
	_ = free.Close()
	o.Advertise = forward(t, o.Addr)
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	brokers, err := kadm.NewClient(client(t, o.Addr)).ListBrokers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(brokers) != 1 || fmt.Sprintf("%s:%d", brokers[0].Host, brokers[0].Port) != o.Advertise || b.Addr() != o.Advertise {
		t.Errorf("told %+v and %s, want %s", brokers, b.Addr(), o.Advertise)
	}
	o.Advertise = "nowhere"
	if b, err := broker.Start(t.Context(), o); err == nil {
		b.Close()
		t.Error("a broker that advertises no address started")
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]string{
		"open to the network": "0.0.0.0:0",
		"all interfaces":      ":9092",
		"no port":             "127.0.0.1",
		"no number":           "127.0.0.1:x",
		"too large a number":  "127.0.0.1:70000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			o.Addr = addr
			if b, err := broker.Start(t.Context(), o); err == nil {
				b.Close()
				t.Errorf("Start(%q) succeeded", addr)
			}
		})
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	want := []broker.Topic{
		{Name: "user-create", Partitions: 2},
		{Name: "user-create-dead-letter", Partitions: 1},
		{Name: "user-approve", Partitions: 12},
		{Name: "user-approve-dead-letter", Partitions: 1},
		{Name: "user-approve-response", Partitions: 2},
		{Name: "user-approve-response-dead-letter", Partitions: 1},
		{Name: "user-create-response", Partitions: 2},
		{Name: "user-create-response-dead-letter", Partitions: 1},
	}
	if diff := cmp.Diff(want, broker.Topics()); diff != "" {
		t.Errorf("Topics (-want +got):\n%s", diff)
	}
	want[2].Partitions = 2
	if diff := cmp.Diff(want, broker.FastTopics()); diff != "" {
		t.Errorf("FastTopics (-want +got):\n%s", diff)
	}
}
