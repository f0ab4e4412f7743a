package record

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// OffsetMetric has the name and the labels that kafka_exporter gives it in a
// cluster: the query of the ScaledObject is the one of production.
const OffsetMetric = "kafka_topic_partition_current_offset"

// Exporter serves the end offsets of topics for Prometheus.
func Exporter(admin *kadm.Client, topics ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ends, err := admin.ListEndOffsets(r.Context(), topics...)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_ = writeOffsets(w, ends)
	})
}

func writeOffsets(w io.Writer, ends kadm.ListedOffsets) error {
	lines := []string{"# TYPE " + OffsetMetric + " gauge\n"}
	ends.Each(func(o kadm.ListedOffset) {
		lines = append(lines, fmt.Sprintf("%s{namespace=\"registration\",partition=\"%d\",topic=%q} %d\n", OffsetMetric, o.Partition, o.Topic, o.Offset))
	})
	slices.Sort(lines[1:])
	_, err := io.WriteString(w, strings.Join(lines, ""))
	return err
}
