// Package pods runs the processes behind pods: what a kubelet does, without
// containers. For each pod that the scheduler has put on a node it starts the
// service and its sidecar on this machine, with the arguments and the
// environment that stand in the pod, and says in the API when the service is
// ready. When the pod is deleted both are asked to end, and have the pod's
// grace for it.
//
// What differs from a pod: each has its own ports, the files are this
// machine's, no limit of CPU or memory holds, and preStop is not waited for.
package pods

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"registration.example/cluster/controlplane"
	"registration.example/cluster/kube"
)

const (
	lookInterval = 250 * time.Millisecond
	// probeInterval is how often a service is asked whether it is ready.
	probeInterval = 200 * time.Millisecond
	// restartPause is kept before the next start of a process that ended.
	restartPause = time.Second
	// maxTold is how many ends are told one by one; they are all counted.
	maxTold = 20
)

// Options say what is run, and how.
type Options struct {
	Client *kube.Client
	// Namespace is the one whose pods are run, if they carry
	// controlplane.ReadyAnnotation.
	Namespace string
	// Programs are the paths of the programs, by the name of the image; that of
	// the sidecar is daprd.
	Programs map[string]string
	// Folder gets a folder for the data of each service, and the logs.
	Folder string
	// PortBase is the first of the ports that pods get, portsPerPod each.
	PortBase int
	// MaxPods is how many pods are run at once.
	MaxPods int
	// Env is for every process, beside what the pod says.
	Env []string
	// SentryAddress and OperatorAddress are where Dapr's control plane is.
	SentryAddress, OperatorAddress string
	// Out is told what went wrong.
	Out io.Writer
}

// PortRange is how many ports that many pods take.
func PortRange(maxPods int) int { return maxPods * portsPerPod }

// Runner runs pods.
type Runner struct {
	o Options

	mu       sync.Mutex
	running  map[string]*instance // by the pod's uid
	slots    []bool               // taken
	restarts int
	ending   sync.WaitGroup
}

// New makes a runner; Run starts it.
func New(o Options) (*Runner, error) {
	if err := os.MkdirAll(filepath.Join(o.Folder, "log"), 0o755); err != nil {
		return nil, fmt.Errorf("folder of the pods: %w", err)
	}
	return &Runner{o: o, running: make(map[string]*instance), slots: make([]bool, o.MaxPods)}, nil
}

// Run runs pods until ctx ends, and ends with the last process.
func (r *Runner) Run(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		if err := r.look(ctx); err != nil && ctx.Err() == nil {
			r.say("pods: %v", err)
		}
		select {
		case <-ctx.Done():
			r.endAll()
			return
		case <-tick.C:
		}
	}
}

// Restarts is how many processes ended by themselves and were started again.
func (r *Runner) Restarts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.restarts
}

// URL is where a ready pod of an app serves clients, "" if there is none.
func (r *Runner) URL(app string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.running {
		if i.app == app && i.isReady() {
			return fmt.Sprintf("http://127.0.0.1:%d", i.ports.client)
		}
	}
	return ""
}

// look compares the pods that there are with those that run.
func (r *Runner) look(ctx context.Context) error {
	pods, err := r.o.Client.Pods(ctx, r.o.Namespace, "")
	if err != nil {
		return err
	}
	wanted := make(map[string]bool)
	for _, pod := range pods {
		_, marked := pod.Metadata.Annotations[controlplane.ReadyAnnotation]
		if !marked || pod.Spec.NodeName == "" || pod.Metadata.DeletionTimestamp != nil {
			continue
		}
		wanted[pod.Metadata.UID] = true
		err = errors.Join(err, r.begin(ctx, pod))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for uid, i := range r.running {
		if !wanted[uid] {
			r.end(uid, i)
		}
	}
	return err
}

// begin starts a pod's processes unless they run.
func (r *Runner) begin(ctx context.Context, pod kube.Pod) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[pod.Metadata.UID] != nil {
		return nil
	}
	app, err := appID(pod)
	if err != nil {
		return err
	}
	slot := slices.Index(r.slots, false)
	if slot < 0 {
		return fmt.Errorf("pod %s: there are %d already", pod.Metadata.Name, len(r.slots))
	}
	r.slots[slot] = true
	i := &instance{runner: r, pod: pod, app: app, slot: slot, ports: newPorts(r.o.PortBase + slot*portsPerPod), stop: make(chan struct{})}
	r.running[pod.Metadata.UID] = i
	i.processes.Go(func() {
		if err := i.start(ctx); err != nil && ctx.Err() == nil {
			r.say("pod %s: %v", pod.Metadata.Name, err)
		}
	})
	return nil
}

// end asks a pod's processes to end; its ports are free when they have. The
// caller holds the lock.
func (r *Runner) end(uid string, i *instance) {
	delete(r.running, uid)
	close(i.stop)
	r.ending.Go(func() {
		i.processes.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.slots[i.slot] = false
	})
}

func (r *Runner) endAll() {
	r.mu.Lock()
	for uid, i := range r.running {
		r.end(uid, i)
	}
	r.mu.Unlock()
	r.ending.Wait()
}

func (r *Runner) countRestart() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts++
	return r.restarts
}

func (r *Runner) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.o.Out, format+"\n", args...)
}

// probe asks a service whether it is ready.
func probe(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
