package deadletter

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// dialTimeout bounds one connection: the broker is near or it is away.
const dialTimeout = 2 * time.Second

// Kafka is where the brokers are, and what they want of those who come.
type Kafka struct {
	// Brokers are host:port of some of them.
	Brokers []string
	// User and Password are for a login by SCRAM-SHA-512. No user, no login.
	User, Password string
	// CA is who the brokers' certificates are from. Nil is no TLS.
	CA *x509.CertPool
}

func (k Kafka) options() []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(k.Brokers...),
		kgo.DialTimeout(dialTimeout),
		kgo.RetryTimeout(5 * dialTimeout),
	}
	if k.CA != nil {
		options = append(options, kgo.DialTLSConfig(&tls.Config{RootCAs: k.CA, MinVersion: tls.VersionTLS12}))
	}
	if k.User != "" {
		options = append(options, kgo.SASL(scram.Auth{User: k.User, Pass: k.Password}.AsSha512Mechanism()))
	}
	return options
}

// explain says what a person may look at when no broker answers as it should:
// one that refuses a login may say so, or just close the connection.
func (k Kafka) explain(err error) error {
	question := "is the system running?"
	if k.User != "" || k.CA != nil {
		question = "is it running, and are user, password and CA its own?"
	}
	return fmt.Errorf("no Kafka answers at %s: %s %w", strings.Join(k.Brokers, ","), question, err)
}
