package controlplane

import (
	"context"
	"crypto/x509/pkix"
	"errors"

	"registration.example/cluster/kube"
	"registration.example/cluster/programs"
)

// serviceNetwork is where Services get their addresses. No packet is ever sent
// to one: what is called is called by its port on this machine.
const serviceNetwork = "10.96.0.0/16"

// startAPI starts etcd and the API server.
func (c *ControlPlane) startAPI(ctx context.Context) error {
	etcd, peer := "http://"+local(c.ports.etcd), "http://"+local(c.ports.etcdPeer)
	err := c.start(programs.Etcd, nil,
		"--data-dir="+c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn", "--name=local",
		"--listen-client-urls="+etcd, "--advertise-client-urls="+etcd,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=local="+peer)
	if err != nil {
		return err
	}
	if err := c.await(ctx, "etcd", healthy(etcd+"/health")); err != nil {
		return err
	}
	if err := c.startAPIServer(etcd); err != nil {
		return err
	}
	return c.await(ctx, "API server", func(ctx context.Context) error {
		// Some of what it makes for itself is there a little after it says that it is ready.
		var namespace struct{ Metadata kube.Meta }
		return errors.Join(healthy(c.server()+"/readyz")(ctx), c.client.Get(ctx, "/api/v1/namespaces/default", nil, &namespace))
	})
}

func (c *ControlPlane) startAPIServer(etcd string) error {
	serving, err := c.ca.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"},
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "127.0.0.1", "10.96.0.1")
	if err != nil {
		return err
	}
	proxy, err := c.frontProxy.issue("front-proxy-client", pkix.Name{CommonName: "front-proxy-client"})
	if err != nil {
		return err
	}
	return c.start(programs.APIServer, nil,
		"--etcd-servers="+etcd, "--bind-address=127.0.0.1", flag("secure-port", c.ports.api),
		"--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none", "--service-cluster-ip-range="+serviceNetwork,
		"--tls-cert-file="+serving.certFile, "--tls-private-key-file="+serving.keyFile, "--client-ca-file="+c.ca.certFile(),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+c.signing.certFile, "--service-account-signing-key-file="+c.signing.keyFile,
		"--requestheader-client-ca-file="+c.frontProxy.certFile(), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+proxy.certFile, "--proxy-client-key-file="+proxy.keyFile,
		// Services of the type ExternalName are resolved, not looked up among endpoints.
		"--enable-aggregator-routing=false", "--profiling=false")
}

// startControllers starts the controller manager and the scheduler. KEDA's
// permissions name the autoscaler's own account, hence the credentials.
func (c *ControlPlane) startControllers(ctx context.Context) error {
	manager, scheduler := c.kubeconfig("kube-controller-manager"), c.kubeconfig("kube-scheduler")
	err := errors.Join(
		c.start(programs.ControllerManager, nil,
			"--kubeconfig="+manager, "--authentication-kubeconfig="+manager, "--authorization-kubeconfig="+manager,
			"--bind-address=127.0.0.1", flag("secure-port", c.ports.controllerManager), "--cert-dir="+c.path("certificates"), "--leader-elect=false",
			"--use-service-account-credentials=true", "--service-account-private-key-file="+c.signing.keyFile,
			"--root-ca-file="+c.ca.certFile(), "--horizontal-pod-autoscaler-sync-period="+c.o.HPASync.String(),
			"--kube-api-qps=100", "--kube-api-burst=200"),
		c.start(programs.Scheduler, nil,
			"--kubeconfig="+scheduler, "--authentication-kubeconfig="+scheduler, "--authorization-kubeconfig="+scheduler,
			"--bind-address=127.0.0.1", flag("secure-port", c.ports.scheduler), "--cert-dir="+c.path("certificates"), "--leader-elect=false",
			"--kube-api-qps=100", "--kube-api-burst=200"))
	if err != nil {
		return err
	}
	return errors.Join(
		c.await(ctx, "controller manager", healthy("https://"+local(c.ports.controllerManager)+"/healthz")),
		c.await(ctx, "scheduler", healthy("https://"+local(c.ports.scheduler)+"/healthz")))
}
