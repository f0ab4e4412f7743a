// Package broker is a Kafka cluster as the manifests ask for one: TLS, SCRAM
// users, their access control, the topics with their partitions. It runs in
// this process (franz-go's kfake) and keeps nothing.
package broker

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"registration.example/k8s/test/manifests"
)

const mechanism = "SCRAM-SHA-512"

// Broker is a running cluster.
type Broker struct {
	// Addr is host:port of its TLS listener.
	Addr string
	// CA is the certificate that clients must trust, as PEM.
	CA string

	cluster *kfake.Cluster
	pool    *x509.CertPool
}

// user and topic are what is read of Strimzi's objects.
type user struct {
	Metadata struct{ Name string }
	Spec     struct {
		Authorization struct {
			ACLs []struct {
				Resource   struct{ Type, Name, PatternType string }
				Operations []string
			}
		}
	}
}

type topic struct {
	Metadata struct{ Name string }
	Spec     struct{ Partitions int32 }
}

// Password is that of a user.
func Password(user string) string { return user + "-password" }

// Deployed renders an overlay, and starts a cluster with what it has for one;
// both are the test's own.
func Deployed(t *testing.T, overlay string) (manifests.Objects, *Broker) {
	t.Helper()
	objects, err := manifests.Render(overlay)
	if err != nil {
		t.Fatal(err)
	}
	b, err := start(objects)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.cluster.Close)
	return objects, b
}

// start starts a cluster with the KafkaTopics and KafkaUsers among the objects.
func start(objects manifests.Objects) (*Broker, error) {
	b := new(Broker)
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.TLS(b.certificate()),
		kfake.EnableSASL(),
		kfake.EnableACLs(),
		kfake.Superuser(mechanism, admin, Password(admin)),
	}
	for _, object := range objects.Kind("KafkaTopic") {
		t, err := manifests.Read[topic](object)
		if err != nil {
			return nil, err
		}
		options = append(options, kfake.SeedTopics(t.Spec.Partitions, t.Metadata.Name))
	}
	for _, object := range objects.Kind("KafkaUser") {
		u, err := manifests.Read[user](object)
		if err != nil {
			return nil, err
		}
		acls, err := u.acls()
		if err != nil {
			return nil, err
		}
		options = append(options, kfake.User(mechanism, u.Metadata.Name, Password(u.Metadata.Name), acls...))
	}
	var err error
	if b.cluster, err = kfake.NewCluster(options...); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b.Addr = b.cluster.ListenAddrs()[0]
	return b, nil
}

// admin may do everything; no manifest names it.
const admin = "admin"

// Client connects as a superuser.
func (b *Broker) Client(options ...kgo.Opt) (*kgo.Client, error) {
	return b.ClientOf(admin, options...)
}

// ClientOf connects as a user.
func (b *Broker) ClientOf(user string, options ...kgo.Opt) (*kgo.Client, error) {
	auth := scram.Auth{User: user, Pass: Password(user)}
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr),
		kgo.DialTLSConfig(&tls.Config{RootCAs: b.pool, MinVersion: tls.VersionTLS12}),
		kgo.SASL(auth.AsSha512Mechanism()),
	}, options...)...)
}

func (u user) acls() ([]kfake.ACL, error) {
	var acls []kfake.ACL
	for _, rule := range u.Spec.Authorization.ACLs {
		for _, name := range rule.Operations {
			acl := kfake.ACL{Name: rule.Resource.Name, Allow: true}
			var err error
			if acl.Resource, err = kmsg.ParseACLResourceType(rule.Resource.Type); err != nil {
				return nil, err
			}
			if acl.Pattern, err = kmsg.ParseACLResourcePatternType(rule.Resource.PatternType); err != nil {
				return nil, err
			}
			if acl.Operation, err = kmsg.ParseACLOperation(name); err != nil {
				return nil, err
			}
			acls = append(acls, acl)
		}
	}
	return acls, nil
}

// certificate takes the one that httptest has for 127.0.0.1: it signs itself.
func (b *Broker) certificate() *tls.Config {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	b.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	b.pool = x509.NewCertPool()
	b.pool.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates, MinVersion: tls.VersionTLS12}
}
