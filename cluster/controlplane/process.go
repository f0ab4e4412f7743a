package controlplane

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"registration.example/cluster/programs"
	"registration.example/local/proc"
)

const (
	// startLimit is how long a process may take until it serves; on a busy
	// machine the API server needs half a minute.
	startLimit   = 2 * time.Minute
	pollInterval = 100 * time.Millisecond
	// grace is how long a process may take to end.
	grace = 10 * time.Second
	// tail is how much of a log an error shows.
	tail = 1500
)

// process is a program of the control plane.
type process struct {
	name string
	*proc.Process
}

// start starts a program with its log in log/NAME.log.
func (c *ControlPlane) start(name programs.Name, env []string, args ...string) error {
	p, err := proc.Start(proc.Spec{
		Argv: append([]string{c.o.Programs.Path(name)}, args...),
		Env:  slices.Concat(os.Environ(), []string{c.Mark()}, env),
		Dir:  c.o.Folder,
		Log:  c.path("log", string(name)+".log"),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = append(c.running, &process{string(name), p})
	return nil
}

// Ended is an error if a process of the control plane has ended.
func (c *ControlPlane) Ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.running {
		select {
		case <-p.Done():
			return fmt.Errorf("%s has ended; the end of its log:\n%s", p.name, c.endOfLog(p.name))
		default:
		}
	}
	return nil
}

func (c *ControlPlane) endOfLog(name string) string {
	content, err := os.ReadFile(c.path("log", name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-tail):])
}

// await waits until check succeeds, and fails as soon as a process has ended.
func (c *ControlPlane) await(ctx context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ended := c.Ended(); ended != nil {
			return ended
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w; last: %w", what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// healthy asks a process whether it works.
func healthy(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := get(ctx, url)
		return err
	}
}

// asking is the client of health checks.
var asking = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
	//nolint:gosec // Its certificate is one that it made for itself; the answer is not trusted with anything.
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
}}

// get asks for a page of a process of this machine.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := asking.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, response.Status)
	}
	return string(body), err
}

// Stop ends everything, the newest first, and what the guard still finds.
func (c *ControlPlane) Stop() {
	c.mu.Lock()
	running := slices.Clone(c.running)
	c.running = nil
	c.mu.Unlock()
	for _, p := range slices.Backward(running) {
		p.Stop(grace)
	}
	if c.guard != nil {
		if err := c.guard.Release(); err != nil {
			proc.KillMarked(c.id)
		}
	}
}

// ports are where the processes listen, all on 127.0.0.1.
type ports struct {
	etcd, etcdPeer, api, controllerManager, scheduler int
	kedaMetrics, kedaHealth, kedaService              int
	adapter, adapterMetrics                           int
	sentry, sentryHealth, injector, injectorHealth    int
	daprOperator, daprOperatorHealth, daprWebhook     int
	karpenterMetrics, karpenterHealth, prometheus     int
}

// PortRange is how many ports a control plane takes from its PortBase on.
const PortRange = 30

func newPorts(base int) ports {
	var p ports
	for i, port := range []*int{
		&p.etcd, &p.etcdPeer, &p.api, &p.controllerManager, &p.scheduler,
		&p.kedaMetrics, &p.kedaHealth, &p.kedaService, &p.adapter, &p.adapterMetrics,
		&p.sentry, &p.sentryHealth, &p.injector, &p.injectorHealth,
		&p.daprOperator, &p.daprOperatorHealth, &p.daprWebhook,
		&p.karpenterMetrics, &p.karpenterHealth, &p.prometheus,
	} {
		*port = base + i
	}
	return p
}

// local is an address on this machine.
func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// flag is a command line flag with a port as its value.
func flag(name string, port int) string { return "--" + name + "=" + strconv.Itoa(port) }
