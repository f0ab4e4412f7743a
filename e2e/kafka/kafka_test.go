//go:build kafka

package kafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic   = "numbers"
	records = 100
)

func TestRecordsSurviveKill(t *testing.T) {
	t.Parallel()
	broker, err := Start(t.Context(), Options{Dir: t.TempDir(), Topics: map[string]int32{topic: 3}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Stop(); err != nil {
			t.Error(err)
		}
	})

	produce(t, broker.Addr())
	consume(t, broker.Addr())

	if err := broker.Kill(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("serves again %s after kill -9", time.Since(begin).Round(time.Millisecond))
	consume(t, broker.Addr())

	if err := broker.Restart(t.Context()); err != nil {
		t.Fatalf("restart of a broker that runs: %v", err)
	}
	consume(t, broker.Addr())
}

func TestNoTopicComesByItself(t *testing.T) {
	t.Parallel()
	broker, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Stop() })

	client := dial(t, broker.Addr(), kgo.UnknownTopicRetries(1))
	err = client.ProduceSync(t.Context(), &kgo.Record{Topic: "nobody-made-me"}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("record for a topic that nobody made: got %v", err)
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(t.Context(), Options{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()+" is taken") {
		t.Errorf("got %v, want the port named", err)
	}
}

func TestUselessDataIsExplained(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, dataFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, dataFolder, "meta.properties"), []byte("version=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "No readable meta.properties") {
		t.Errorf("got %v, want Kafka's own reason", err)
	}
}

// TestBrokerDiesWithItsParent kills a process that started a broker, in a way
// that leaves it no time to clean up.
func TestBrokerDiesWithItsParent(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "kafka")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), program, "-port", strconv.Itoa(port), "-dir", t.TempDir(), "-topics", "t:1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	parent.Stderr = os.Stderr
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it says that it serves, or ends
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()

	addr := fmt.Sprintf("127.0.0.1:%d", port)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for checkFree(addr) != nil {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("something still listens at %s, 10 s after its parent was killed", addr)
		}
	}
}

func dial(t *testing.T, addr string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func produce(t *testing.T, addr string) {
	t.Helper()
	batch := make([]*kgo.Record, records)
	for i := range batch {
		batch[i] = &kgo.Record{Topic: topic, Key: []byte(strconv.Itoa(i))}
	}
	if err := dial(t, addr).ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consume reads the topic from its start until every record was seen.
func consume(t *testing.T, addr string) {
	t.Helper()
	client := dial(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	seen := map[string]bool{}
	for len(seen) < records {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", len(seen), err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Key)] = true })
	}
}
