package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
)

// What is issued is trusted for its names, by clients and servers, and for no others.
func TestCertificates(t *testing.T) {
	t.Parallel()
	ca, err := newAuthority(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ca.issue("server", pkix.Name{CommonName: "server"}, "keda-operator.keda.svc", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca.pem()) {
		t.Fatal("the authority's text is no certificate")
	}
	for name, want := range map[string]bool{"keda-operator.keda.svc": true, "127.0.0.1": true, "elsewhere": false} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}})
		if (err == nil) != want {
			t.Errorf("for %s: %v", name, err)
		}
	}
}

func TestSigningKey(t *testing.T) {
	t.Parallel()
	p, err := newSigningKey(t.TempDir(), "key")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.LoadX509KeyPair(p.certFile, p.keyFile); err == nil {
		t.Error("the public key is a certificate")
	}
}

// No two processes may get the same port, and all lie in the range.
func TestPorts(t *testing.T) {
	t.Parallel()
	p := newPorts(1000)
	seen := map[int]bool{}
	for _, port := range []int{
		p.etcd, p.etcdPeer, p.api, p.controllerManager, p.scheduler, p.kedaMetrics, p.kedaHealth, p.kedaService, p.adapter, p.adapterMetrics,
		p.sentry, p.sentryHealth, p.injector, p.injectorHealth, p.daprOperator, p.daprOperatorHealth, p.daprWebhook,
		p.karpenterMetrics, p.karpenterHealth, p.prometheus,
	} {
		if seen[port] || port < 1000 || port >= 1000+PortRange {
			t.Errorf("port %d twice, or out of range", port)
		}
		seen[port] = true
	}
}
