package controlplane

import (
	"context"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"registration.example/cluster/programs"
)

const kedaNamespace = "keda"

// startKEDA applies KEDA's own manifests, starts its operator and its metrics
// adapter with KEDA's account, and tells the API server where the latter is.
func (c *ControlPlane) startKEDA(ctx context.Context) error {
	config := filepath.Join(c.o.Programs.KEDA(), "config")
	if err := errors.Join(
		c.apply(ctx, namespace(kedaNamespace), "-"),
		c.apply(ctx, "", filepath.Join(config, "crd", "bases")),
		c.apply(ctx, "", filepath.Join(config, "service_account", "service_account.yaml"),
			filepath.Join(config, "rbac", "role.yaml"), filepath.Join(config, "rbac", "role_binding.yaml"),
			filepath.Join(config, "metrics-server", "role.yaml"), filepath.Join(config, "metrics-server", "role_binding.yaml")),
	); err != nil {
		return err
	}
	kubeconfig, err := c.actAs(ctx, kedaNamespace, "keda-operator")
	if err != nil {
		return err
	}
	ca, certificates, err := c.kedaCertificates()
	if err != nil {
		return err
	}
	if err := c.startKEDAProcesses(kubeconfig, certificates); err != nil {
		return err
	}
	if err := c.apply(ctx, c.metricsAPI(ca), "-"); err != nil {
		return err
	}
	_, err = c.Kubectl(ctx, "", "wait", "--for=condition=Available", "apiservice/v1beta1.external.metrics.k8s.io", "--timeout=60s")
	return err
}

// kedaCertificates makes the folder that both processes read: they trust each
// other by it, and the API server trusts the adapter.
func (c *ControlPlane) kedaCertificates() (ca *authority, folder string, err error) {
	folder = c.path("certificates", kedaNamespace)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, "", err
	}
	if ca, err = newAuthority(folder, "ca"); err != nil {
		return nil, "", err
	}
	_, err = ca.issue("tls", pkix.Name{CommonName: kedaNamespace}, "localhost", "127.0.0.1",
		"keda-operator.keda.svc", "keda-operator.keda.svc.cluster.local",
		"keda-metrics-apiserver.keda.svc", "keda-metrics-apiserver.keda.svc.cluster.local")
	return ca, folder, err
}

func (c *ControlPlane) startKEDAProcesses(kubeconfig, certificates string) error {
	env := []string{"POD_NAMESPACE=" + kedaNamespace, "KEDA_CLUSTER_OBJECT_NAMESPACE=" + kedaNamespace, "WATCH_NAMESPACE="}
	// Its other flags are those of its Deployment; certificates are given, so it need not make them.
	operator := []string{
		"--kubeconfig=" + kubeconfig, "--cert-dir=" + certificates, "--ca-dir=" + certificates,
		"--metrics-service-bind-address=" + local(c.ports.kedaService),
		"--metrics-bind-address=" + local(c.ports.kedaMetrics), "--health-probe-bind-address=" + local(c.ports.kedaHealth),
		"--zap-log-level=info", "--zap-encoder=console", "--zap-time-encoding=rfc3339",
	}
	adapter := []string{
		"--kubeconfig=" + kubeconfig, "--lister-kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1", flag("secure-port", c.ports.adapter), flag("port", c.ports.adapterMetrics),
		"--client-ca-file=" + c.ca.certFile(), "--cert-dir=" + certificates,
		"--tls-cert-file=" + filepath.Join(certificates, "tls.crt"), "--tls-private-key-file=" + filepath.Join(certificates, "tls.key"),
		"--metrics-service-address=localhost:" + fmt.Sprint(c.ports.kedaService), "--zap-log-level=info",
	}
	return errors.Join(
		c.start(programs.KEDAOperator, env, operator...),
		c.start(programs.KEDAAdapter, env, adapter...))
}

// metricsAPI is KEDA's Service and APIService, moved to this machine.
func (c *ControlPlane) metricsAPI(ca *authority) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  service: {name: keda-metrics-apiserver, namespace: keda, port: %d}
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: %s
`, c.ports.adapter, base64.StdEncoding.EncodeToString(ca.pem()))
}

func namespace(name string) string {
	return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + "}\n"
}
