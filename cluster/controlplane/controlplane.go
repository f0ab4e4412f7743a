// Package controlplane runs the control plane of a Kubernetes cluster as plain
// processes of one machine, without root and without containers: etcd, API
// server, controller manager and scheduler; KWOK, which plays the kubelets of
// nodes that exist in the API alone; KEDA; and the control plane of Dapr.
//
// They are the real programs with their real manifests, accounts and
// permissions. One thing differs from a cluster: what the API server calls (the
// metrics API, webhooks) listens on this machine, so those Services are of the
// type ExternalName, for localhost, and their callers name the local port.
package controlplane

import (
	"context"
	"crypto/rand"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"registration.example/cluster/kube"
	"registration.example/cluster/programs"
	"registration.example/local/proc"
)

// Options say what is started.
type Options struct {
	Programs programs.Set
	// Root is the repository: it has the settings of Dapr's chart.
	Root string
	// Folder gets certificates, data and logs. What an earlier cluster left in
	// it goes.
	Folder string
	// PortBase is the first of PortRange ports.
	PortBase int
	// Nodes is how many nodes there are from the start, and PodsPerNode how many
	// pods one takes.
	Nodes, PodsPerNode int
	// HPASync is how often the autoscaler looks; Kubernetes' own default is 15 s.
	HPASync time.Duration
	// Guard is the program that ends what this one leaves behind: see
	// proc.StartGuard.
	Guard string
	// Out is told what starts.
	Out io.Writer
}

// ControlPlane is one that runs.
type ControlPlane struct {
	o     Options
	id    string
	ports ports
	guard *proc.Guard

	ca, frontProxy *authority
	signing        pair
	client         *kube.Client

	mu      sync.Mutex
	running []*process
}

// Start starts a control plane with its nodes, KEDA and Dapr, and returns when
// all of it works. When it fails it leaves nothing running.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	c := &ControlPlane{o: o, id: rand.Text(), ports: newPorts(o.PortBase)}
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"folders and certificates", c.prepare},
		{"etcd and the API server", c.startAPI},
		{"controller manager and scheduler", c.startControllers},
		{"nodes", c.startNodes},
		{"KEDA", c.startKEDA},
		{"Dapr", c.startDapr},
	} {
		start := time.Now()
		if err := step.run(ctx); err != nil {
			c.Stop()
			return nil, fmt.Errorf("start %s: %w", step.name, err)
		}
		c.say("started %s in %.1f s", step.name, time.Since(start).Seconds())
	}
	return c, nil
}

// Client is for requests as cluster-admin.
func (c *ControlPlane) Client() *kube.Client { return c.client }

// Mark is the environment entry that ties a process to this cluster: the guard
// ends what carries it.
func (c *ControlPlane) Mark() string { return proc.Mark(c.id) }

// SentryAddress is where sidecars get their identity.
func (c *ControlPlane) SentryAddress() string { return local(c.ports.sentry) }

// OperatorAddress is where sidecars get components and subscriptions.
func (c *ControlPlane) OperatorAddress() string { return local(c.ports.daprOperator) }

// Kubeconfig is the file with which kubectl is cluster-admin here.
func (c *ControlPlane) Kubeconfig() string { return c.path("kube", "admin.conf") }

// Kubectl runs kubectl as cluster-admin, with stdin as its input.
func (c *ControlPlane) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	args = append([]string{"--kubeconfig", c.Kubeconfig()}, args...)
	return run(ctx, stdin, c.o.Programs.Path(programs.Kubectl), args...)
}

// apply applies manifests that are files, folders or "-".
func (c *ControlPlane) apply(ctx context.Context, stdin string, files ...string) error {
	args := []string{"apply", "--server-side", "--force-conflicts"}
	for _, file := range files {
		args = append(args, "-f", file)
	}
	_, err := c.Kubectl(ctx, stdin, args...)
	return err
}

// run runs a program to its end and gives what it printed.
func run(ctx context.Context, stdin, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// prepare makes folders, certificates and kubeconfigs.
func (c *ControlPlane) prepare(context.Context) (err error) {
	if err := os.RemoveAll(c.o.Folder); err != nil {
		return err
	}
	for _, folder := range []string{"certificates", "kube", "log", "etcd"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return err
		}
	}
	if c.guard, err = proc.StartGuard(c.o.Guard, c.id); err != nil {
		return err
	}
	folder := c.path("certificates")
	if c.ca, err = newAuthority(folder, "kubernetes"); err != nil {
		return err
	}
	if c.frontProxy, err = newAuthority(folder, "front-proxy"); err != nil {
		return err
	}
	if c.signing, err = newSigningKey(folder, "service-accounts"); err != nil {
		return err
	}
	for _, user := range []pkix.Name{
		{CommonName: "admin", Organization: []string{"system:masters"}},
		{CommonName: "kwok", Organization: []string{"system:masters"}},
		{CommonName: "system:kube-controller-manager"},
		{CommonName: "system:kube-scheduler"},
	} {
		if err := c.addUser(user); err != nil {
			return err
		}
	}
	return nil
}

// addUser gives a user a certificate and a kubeconfig of the name's last part.
func (c *ControlPlane) addUser(user pkix.Name) error {
	name := user.CommonName[strings.LastIndexByte(user.CommonName, ':')+1:]
	p, err := c.ca.issue(name, user, "localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	if name == "admin" {
		certificate, err := p.load()
		if err != nil {
			return err
		}
		c.client = kube.NewClient(c.server(), c.ca.cert, certificate)
	}
	return c.writeKubeconfig(name, fmt.Sprintf("client-certificate: %s, client-key: %s", p.certFile, p.keyFile))
}

func (c *ControlPlane) path(parts ...string) string {
	return filepath.Join(append([]string{c.o.Folder}, parts...)...)
}

func (c *ControlPlane) server() string { return "https://" + local(c.ports.api) }

func (c *ControlPlane) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.o.Out, format+"\n", args...)
}
