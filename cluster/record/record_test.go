package record

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	want := []Run{{"one", []Sample{
		{Seconds: 1, Offered: 5, Events: 20.5, Produced: 5.1, Consumed: 4.9, Lag: 3, Wanted: 2, Pods: 2, Ready: 1, Members: 1, AllPods: 9, Pending: 1, Nodes: 5},
		{Seconds: 2},
	}}, {"two", []Sample{{Seconds: 1}}}}
	var b bytes.Buffer
	if err := WriteCSV(&b, want...); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); !strings.HasPrefix(first, "run,seconds,offered_per_second,events_per_second,") {
		t.Errorf("first line: %s", first)
	}
	got, err := ReadCSV(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{"nothing": "", "another head": "a,b\n1,2\n", "text": strings.Join(columns(), ",") + "\n" + strings.Repeat("x,", len(columns())-1) + "x\n"} {
		if _, err := ReadCSV(strings.NewReader(text)); err == nil {
			t.Errorf("ReadCSV of %s succeeded", name)
		}
	}
}

// What Prometheus reads, in the words of kafka_exporter.
func TestOffsets(t *testing.T) {
	t.Parallel()
	ends := kadm.ListedOffsets{"user-approve": {1: {Topic: "user-approve", Partition: 1, Offset: 7}, 0: {Topic: "user-approve", Offset: 5}}}
	var b bytes.Buffer
	if err := writeOffsets(&b, ends); err != nil {
		t.Fatal(err)
	}
	want := `# TYPE kafka_topic_partition_current_offset gauge
kafka_topic_partition_current_offset{namespace="registration",partition="0",topic="user-approve"} 5
kafka_topic_partition_current_offset{namespace="registration",partition="1",topic="user-approve"} 7
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
}

func TestLag(t *testing.T) {
	t.Parallel()
	k := Kafka{Written: map[string]int64{"user-approve": 10, "user-create": 12}, Committed: 4}
	if got := k.Lag(Watched{Scaled: "user-approve"}); got != 6 {
		t.Errorf("Lag = %d, want 6", got)
	}
}
