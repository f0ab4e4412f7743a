package rig

import (
	"context"
	"fmt"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// sum is that of a histogram.
type sum struct {
	total float64
	count uint64
}

// batches reads from the services' metrics how much was handled together.
func (r *Rig) batches(ctx context.Context) (map[string]sum, error) {
	sums := map[string]sum{}
	for _, app := range r.Apps() {
		if err := readBatches(ctx, r.URL(app), sums); err != nil {
			return nil, fmt.Errorf("metrics of %s: %w", app, err)
		}
	}
	return sums, nil
}

func readBatches(ctx context.Context, url string, sums map[string]sum) error {
	families, err := metrics(ctx, url)
	if err != nil {
		return err
	}
	for _, m := range families["registration_accept_batch_size"].GetMetric() {
		sums["accept"] = sumOf(m)
	}
	for _, m := range families["registration_event_batch_size"].GetMetric() {
		sums[m.GetLabel()[0].GetValue()] = sumOf(m)
	}
	return nil
}

// metrics reads those of a service.
func metrics(ctx context.Context, url string) (map[string]*dto.MetricFamily, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(response.Body)
}

func sumOf(m *dto.Metric) sum {
	return sum{m.GetHistogram().GetSampleSum(), m.GetHistogram().GetSampleCount()}
}

// means are the mean sizes between two readings.
func means(before, after map[string]sum) map[string]float64 {
	means := map[string]float64{}
	for name, a := range after {
		if b := before[name]; a.count > b.count {
			means[name] = (a.total - b.total) / float64(a.count-b.count)
		}
	}
	return means
}
