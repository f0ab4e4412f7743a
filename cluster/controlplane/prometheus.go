package controlplane

import (
	"context"
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"strings"
	"time"

	"registration.example/cluster/programs"
)

// StartPrometheus starts a Prometheus that asks target (host:port) as often as
// interval says, and gives its address once it can tell the rate of metric.
func (c *ControlPlane) StartPrometheus(ctx context.Context, target, metric string, interval time.Duration) (url string, err error) {
	config := c.path("prometheus.yaml")
	text := fmt.Sprintf("global: {scrape_interval: %s}\nscrape_configs: [{job_name: kafka, static_configs: [{targets: [%q]}]}]\n", interval, target)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", err
	}
	address := local(c.ports.prometheus)
	err = c.start(programs.Prometheus, nil, "--config.file="+config, "--storage.tsdb.path="+c.path("prometheus"),
		"--web.listen-address="+address, "--log.level=warn")
	if err != nil {
		return "", err
	}
	url = "http://" + address
	// A rate needs two answers of the target.
	query := url + "/api/v1/query?query=" + neturl.QueryEscape(fmt.Sprintf("rate(%s[%s])", metric, 4*interval))
	return url, c.await(ctx, "rates of Prometheus", func(ctx context.Context) error {
		answer, err := get(ctx, query)
		if err == nil && !strings.Contains(answer, `"value"`) {
			err = errors.New("none yet: " + answer)
		}
		return err
	})
}
