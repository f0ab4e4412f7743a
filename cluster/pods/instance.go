package pods

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"registration.example/cluster/controlplane"
	"registration.example/cluster/kube"
	"registration.example/local/proc"
)

// instance is a pod whose processes run here.
type instance struct {
	runner *Runner
	pod    kube.Pod
	app    string
	slot   int
	ports  ports

	ready     atomic.Bool
	stop      chan struct{}
	processes sync.WaitGroup
}

func (i *instance) isReady() bool { return i.ready.Load() }

// start starts the processes of all containers, and tells when the service is ready.
func (i *instance) start(ctx context.Context) error {
	token, err := i.writeToken(ctx)
	if err != nil {
		return err
	}
	for _, container := range i.pod.Spec.Containers {
		spec, err := i.spec(ctx, container, token)
		if err != nil {
			return err
		}
		i.processes.Go(func() { i.keepRunning(container.Name, spec) })
	}
	if !i.awaitReady(ctx) {
		return nil
	}
	i.ready.Store(true)
	path := "/api/v1/namespaces/" + i.pod.Metadata.Namespace + "/pods/" + i.pod.Metadata.Name
	err = i.runner.o.Client.Merge(ctx, path, map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{controlplane.ReadyAnnotation: "true"}},
	})
	if errors.Is(err, kube.ErrNotFound) {
		return nil // It was deleted meanwhile.
	}
	return err
}

// writeToken asks for the token by which the sidecar proves to be this pod's.
func (i *instance) writeToken(ctx context.Context) (file string, err error) {
	token, err := i.runner.o.Client.Token(ctx, i.pod.Metadata.Namespace, i.pod.Spec.ServiceAccountName, controlplane.SentryAudience, i.pod.Metadata)
	if err != nil {
		return "", err
	}
	file = filepath.Join(i.runner.o.Folder, "log", i.pod.Metadata.Name+".token")
	return file, os.WriteFile(file, []byte(token), 0o600)
}

// spec is how a container's process is started.
func (i *instance) spec(ctx context.Context, container kube.Container, token string) (proc.Spec, error) {
	o := i.runner.o
	path, known := o.Programs[program(container)]
	if !known {
		return proc.Spec{}, fmt.Errorf("container %s: no program for image %s", container.Name, container.Image)
	}
	given, err := o.Client.Environ(ctx, i.pod, container)
	if err != nil {
		return proc.Spec{}, err
	}
	// What is in no pod stays out: nothing of this process's environment but where programs and homes are.
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, environment(given, i.ports)...)
	if container.Name == sidecar {
		env = append(env, "DAPR_SENTRY_TOKEN_FILE="+token, "DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK=true")
	}
	dir := filepath.Join(o.Folder, "data", i.app)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return proc.Spec{}, fmt.Errorf("folder of %s: %w", i.app, err)
	}
	args := arguments(container, i.ports, addresses{sentry: o.SentryAddress, operator: o.OperatorAddress})
	return proc.Spec{
		Argv: append([]string{path}, args...),
		Env:  slices.Concat(env, o.Env),
		Dir:  dir,
		Log:  filepath.Join(o.Folder, "log", i.pod.Metadata.Name+"-"+container.Name+".log"),
	}, nil
}

// keepRunning runs a process, again and again, until the pod ends.
func (i *instance) keepRunning(name string, spec proc.Spec) {
	grace := time.Duration(i.pod.Spec.GraceSeconds) * time.Second
	for {
		p, err := proc.Start(spec)
		if err != nil {
			i.runner.say("pod %s: %v", i.pod.Metadata.Name, err)
			return
		}
		select {
		case <-i.stop:
			p.Stop(grace)
			return
		case <-p.Done():
		}
		if i.runner.countRestart() <= maxTold {
			i.runner.say("pod %s: %s ended by itself; see %s", i.pod.Metadata.Name, name, spec.Log)
		}
		select {
		case <-i.stop:
			return
		case <-time.After(restartPause):
		}
	}
}

// awaitReady asks the service until it is ready, or the pod ends.
func (i *instance) awaitReady(ctx context.Context) bool {
	url := fmt.Sprintf("http://127.0.0.1:%d/readyz", i.ports.client)
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for !probe(ctx, url) {
		select {
		case <-ctx.Done():
			return false
		case <-i.stop:
			return false
		case <-tick.C:
		}
	}
	return true
}
