// Package record watches the experiment: it takes a sample of Kafka and of
// Kubernetes every second, keeps them as CSV and draws them.
package record

import (
	"encoding/csv"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
)

// Sample is what was seen at one moment. Rates are of the time since the
// sample before.
type Sample struct {
	// Seconds since the load began.
	Seconds float64 `csv:"seconds"`
	// Offered is how many operations a second the load's profile wants.
	Offered float64 `csv:"offered_per_second"`
	// Events is how many records a second came to all topics of the saga, each
	// partition counted once, wherever and by how many it is looked at.
	Events float64 `csv:"events_per_second"`
	// Produced and Consumed are the records a second of user-approve.
	Produced float64 `csv:"produced_per_second"`
	Consumed float64 `csv:"consumed_per_second"`
	// Lag is how many records of user-approve the group has not committed.
	Lag int64 `csv:"lag"`
	// Wanted is how many pods the autoscaler wants.
	Wanted int `csv:"pods_wanted"`
	// Pods is how many approval pods there are, without those that end.
	Pods int `csv:"pods"`
	// Ready is how many of them are ready.
	Ready int `csv:"pods_ready"`
	// Members is how many consumers have partitions.
	Members int `csv:"consumers"`
	// AllPods and Pending are the pods of all namespaces, and those of them for
	// which there is no node.
	AllPods int `csv:"all_pods"`
	Pending int `csv:"pending_pods"`
	// Nodes is how many nodes are ready.
	Nodes int `csv:"nodes"`
}

// Run is the samples of one run, by its name.
type Run struct {
	Name    string
	Samples []Sample
}

// WriteCSV writes runs with a line of names first.
func WriteCSV(w io.Writer, runs ...Run) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns()); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	for _, run := range runs {
		for _, s := range run.Samples {
			if err := out.Write(append([]string{run.Name}, s.row()...)); err != nil {
				return fmt.Errorf("write samples: %w", err)
			}
		}
	}
	out.Flush()
	return out.Error()
}

func (s Sample) row() []string {
	var row []string
	for _, field := range reflect.ValueOf(s).Fields() {
		if field.CanFloat() {
			row = append(row, strconv.FormatFloat(field.Float(), 'f', 1, 64))
		} else {
			row = append(row, strconv.FormatInt(field.Int(), 10))
		}
	}
	return row
}

// ReadCSV reads what WriteCSV wrote.
func ReadCSV(r io.Reader) ([]Run, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], columns()) {
		return nil, fmt.Errorf("read samples: the first line is not %v", columns())
	}
	var runs []Run
	for _, row := range rows[1:] {
		s, err := parse(row[1:])
		if err != nil {
			return nil, fmt.Errorf("read samples: %w", err)
		}
		if len(runs) == 0 || runs[len(runs)-1].Name != row[0] {
			runs = append(runs, Run{Name: row[0]})
		}
		last := &runs[len(runs)-1]
		last.Samples = append(last.Samples, s)
	}
	return runs, nil
}

func parse(row []string) (Sample, error) {
	var s Sample
	value := reflect.ValueOf(&s).Elem()
	for i, text := range row {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return s, err
		}
		if field := value.Field(i); field.CanFloat() {
			field.SetFloat(number)
		} else {
			field.SetInt(int64(number))
		}
	}
	return s, nil
}

func columns() []string {
	names := []string{"run"}
	for field := range reflect.TypeFor[Sample]().Fields() {
		names = append(names, field.Tag.Get("csv"))
	}
	return names
}
