// Package broker is a Kafka cluster as the manifests ask for one: TLS, SCRAM
// users, their access control, the topics with their partitions. It runs in
// this process (franz-go's kfake) and keeps nothing.
package broker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

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

// Start starts a cluster with the KafkaTopics and KafkaUsers among the objects.
func Start(objects manifests.Objects) (*Broker, error) {
	b := new(Broker)
	config, err := b.certificate()
	if err != nil {
		return nil, err
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.TLS(config),
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
	if b.cluster, err = kfake.NewCluster(options...); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b.Addr = b.cluster.ListenAddrs()[0]
	return b, nil
}

// Close stops the cluster.
func (b *Broker) Close() { b.cluster.Close() }

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

// certificate makes a certificate that signs itself.
func (b *Broker) certificate() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "kafka"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	b.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	b.pool = x509.NewCertPool()
	b.pool.AppendCertsFromPEM([]byte(b.CA))
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
	}, nil
}
