package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"registration.example/cluster/kube"
	"registration.example/cluster/programs"
)

const (
	daprNamespace = "dapr-system"
	trustDomain   = "cluster.local"
	daprTag       = "1.16.5"
)

// SentryAudience is whom tokens of sidecars are for.
const SentryAudience = "spiffe://" + trustDomain + "/ns/" + daprNamespace + "/dapr-sentry"

// startDapr applies Dapr's chart with the settings of this system, and starts
// what it would start: sentry, the operator and the sidecar injector. The pods
// of the chart exist in the API; the processes stand for them, with the
// arguments and the environment that the chart gave these pods.
func (c *ControlPlane) startDapr(ctx context.Context) error {
	if err := c.applyChart(ctx); err != nil {
		return err
	}
	if err := c.startSentry(ctx); err != nil {
		return fmt.Errorf("sentry: %w", err)
	}
	if err := c.startOperator(ctx); err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if err := c.startInjector(ctx); err != nil {
		return fmt.Errorf("injector: %w", err)
	}
	return c.await(ctx, "webhook of the injector", func(ctx context.Context) error {
		bundle, err := c.Kubectl(ctx, "", "get", "mutatingwebhookconfiguration", "dapr-sidecar-injector", "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}")
		if err == nil && bundle == "" {
			err = errors.New("has no certificate yet")
		}
		return err
	})
}

// applyChart renders the chart and applies it. Custom resources come last:
// their definitions have to be known before.
func (c *ControlPlane) applyChart(ctx context.Context) error {
	crds := filepath.Join(c.o.Programs.Dapr(), "charts", "dapr", "crds")
	if err := errors.Join(c.apply(ctx, namespace(daprNamespace), "-"), c.apply(ctx, "", crds)); err != nil {
		return err
	}
	if _, err := c.Kubectl(ctx, "", "wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=dapr", "--timeout=60s"); err != nil {
		return err
	}
	args := []string{
		"template", "dapr", filepath.Join(c.o.Programs.Dapr(), "charts", "dapr"), "--namespace", daprNamespace,
		"--kube-version", c.o.Programs.Versions["k8s.io/kubernetes"],
	}
	if values := filepath.Join(c.o.Root, "k8s", "platform", "values", "dapr.yaml"); exists(values) {
		args = append(args, "--values", values)
	}
	args = append(args,
		"--set", "global.ha.enabled=false", "--set", "global.tag="+daprTag, "--set", "global.prometheus.enabled=false",
		"--set", "global.mtls.sentryAddress="+c.SentryAddress())
	chart, err := run(ctx, "", c.o.Programs.Path(programs.Helm), args...)
	if err != nil {
		return err
	}
	if err := c.apply(ctx, chart, "-"); err != nil {
		return err
	}
	return c.moveWebhooks(ctx)
}

// moveWebhooks makes the API server call the injector and the operator on this machine.
func (c *ControlPlane) moveWebhooks(ctx context.Context) error {
	if _, err := c.Kubectl(ctx, "", "-n", daprNamespace, "delete", "service", "dapr-sidecar-injector", "dapr-webhook", "--ignore-not-found"); err != nil {
		return err
	}
	var services strings.Builder
	for _, name := range []string{"dapr-sidecar-injector", "dapr-webhook"} {
		fmt.Fprintf(&services, "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {type: ExternalName, externalName: localhost}\n", name, daprNamespace)
	}
	if err := c.apply(ctx, services.String(), "-"); err != nil {
		return err
	}
	_, err := c.Kubectl(ctx, "", "patch", "mutatingwebhookconfiguration", "dapr-sidecar-injector", "--type=json",
		"-p", fmt.Sprintf(`[{"op":"add","path":"/webhooks/0/clientConfig/service/port","value":%d}]`, c.ports.injector))
	if err != nil {
		return err
	}
	_, err = c.Kubectl(ctx, "", "patch", "crd", "subscriptions.dapr.io", "--type=merge", "-p", fmt.Sprintf(
		`{"spec":{"conversion":{"webhook":{"clientConfig":{"service":{"namespace":%q,"name":"dapr-webhook","port":%d}}}}}}`,
		daprNamespace, c.ports.daprWebhook))
	return err
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// startSentry starts the authority that gives every sidecar its identity.
func (c *ControlPlane) startSentry(ctx context.Context) error {
	credentials := c.path("certificates", "dapr")
	if err := os.MkdirAll(credentials, 0o755); err != nil {
		return err
	}
	err := c.startDaprProcess(ctx, programs.DaprSentry, "dapr-sentry", nil,
		"--issuer-credentials", credentials, "--trust-domain", trustDomain,
		"--listen-address", "127.0.0.1", "--port", fmt.Sprint(c.ports.sentry),
		"--healthz-listen-address", "127.0.0.1", "--healthz-port", fmt.Sprint(c.ports.sentryHealth))
	if err != nil {
		return err
	}
	return c.await(ctx, "certificate of sentry", func(ctx context.Context) error {
		ca, err := c.Kubectl(ctx, "", "-n", daprNamespace, "get", "configmap", "dapr-trust-bundle", `-o=jsonpath={.data.ca\.crt}`)
		if err != nil {
			return err
		}
		if !strings.Contains(ca, "BEGIN") {
			return errors.New("not there yet")
		}
		return os.WriteFile(c.trustAnchors(), []byte(ca), 0o644)
	})
}

func (c *ControlPlane) trustAnchors() string { return c.path("certificates", "dapr-ca.crt") }

// startOperator starts what gives sidecars their components, and converts
// subscriptions for the API server.
func (c *ControlPlane) startOperator(ctx context.Context) error {
	err := c.startDaprProcess(ctx, programs.DaprOperator, "dapr-operator", nil,
		"--trust-anchors-file", c.trustAnchors(), "--disable-leader-election",
		"--listen-address", "127.0.0.1", "--port", fmt.Sprint(c.ports.daprOperator), "--healthz-port", fmt.Sprint(c.ports.daprOperatorHealth),
		"--webhook-server-listen-address", "127.0.0.1", "--webhook-server-port", fmt.Sprint(c.ports.daprWebhook))
	if err != nil {
		return err
	}
	return c.await(ctx, "operator of Dapr", healthy("http://"+local(c.ports.daprOperatorHealth)+"/healthz"))
}

func (c *ControlPlane) startInjector(ctx context.Context) error {
	err := c.startDaprProcess(ctx, programs.DaprInjector, "dapr-sidecar-injector", []string{"DAPR_TRUST_ANCHORS_FILE=" + c.trustAnchors()},
		"--port", fmt.Sprint(c.ports.injector),
		"--healthz-listen-address", "127.0.0.1", "--healthz-port", fmt.Sprint(c.ports.injectorHealth))
	if err != nil {
		return err
	}
	return c.await(ctx, "sidecar injector", healthy("http://"+local(c.ports.injectorHealth)+"/healthz"))
}

// startDaprProcess starts the process behind a pod of the chart, with the
// pod's account, arguments and environment, then those that differ here.
func (c *ControlPlane) startDaprProcess(ctx context.Context, name programs.Name, app string, env []string, args ...string) error {
	pod, err := c.chartPod(ctx, app)
	if err != nil {
		return err
	}
	kubeconfig, err := c.actAs(ctx, daprNamespace, pod.Spec.ServiceAccountName)
	if err != nil {
		return err
	}
	container := pod.Spec.Containers[0]
	given, err := c.client.Environ(ctx, pod, container)
	if err != nil {
		return err
	}
	// Who asks sentry for an identity shows a token that is bound to his pod.
	token, err := c.client.Token(ctx, daprNamespace, pod.Spec.ServiceAccountName, SentryAudience, pod.Metadata)
	if err != nil {
		return err
	}
	file := c.path("certificates", app+".token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return err
	}
	env = append(given, append(env,
		"NAMESPACE="+daprNamespace, "DAPR_SENTRY_TOKEN_FILE="+file,
		// These images want the user 65532; here it is whoever runs this.
		"DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK=true")...)
	return c.start(name, env, append(container.Args, append([]string{"--kubeconfig", kubeconfig}, args...)...)...)
}

// chartPod waits for a pod of the chart.
func (c *ControlPlane) chartPod(ctx context.Context, app string) (pod kube.Pod, err error) {
	err = c.await(ctx, "pod of "+app, func(ctx context.Context) error {
		pods, err := c.client.Pods(ctx, daprNamespace, "app="+app)
		if err != nil {
			return err
		}
		if len(pods) == 0 {
			return kube.ErrNotFound
		}
		pod = pods[0]
		return nil
	})
	return pod, err
}
