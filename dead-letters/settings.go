package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"registration.example/dead-letters/deadletter"
)

const usage = `usage: dead-letters [FLAGS] [COMMAND]

  list          all of them; also what is done without a command
  show ID       one of them, with the record as it came
  replay ID     put its record back on its topic
  replay --all  the same with all that were not replayed yet
  wait          do nothing until stopped, in a pod in which the others are called

Each flag is an environment variable too; the flag wins. The password is a variable only: KAFKA_PASSWORD.

`

// errUsage says that the program was called wrongly.
var errUsage = errors.New("called wrongly; -h explains it")

// settings are the program's whole surface.
type settings struct {
	kafka   deadletter.Kafka
	command []string
}

// readSettings reads the environment, then args over it.
func readSettings(args []string, getenv func(string) string, stderr io.Writer) (settings, error) {
	flags := flag.NewFlagSet("dead-letters", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		flags.PrintDefaults()
	}
	brokers := flags.String("kafka", cmp.Or(getenv("KAFKA_BROKERS"), "127.0.0.1:9092"), "`HOST:PORT` of brokers, with commas (KAFKA_BROKERS)")
	user := flags.String("user", getenv("KAFKA_USER"), "`name` for a login by SCRAM-SHA-512; without one there is no login (KAFKA_USER)")
	caFile := flags.String("ca-file", getenv("KAFKA_CA_FILE"), "`file` of the certificates, as PEM, that brokers are trusted by; without one there is no TLS (KAFKA_CA_FILE)")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return settings{}, err
		}
		return settings{}, errUsage // the flag package has said what is wrong
	}
	s := settings{command: flags.Args()}
	s.kafka = deadletter.Kafka{Brokers: strings.Split(*brokers, ","), User: *user, Password: getenv("KAFKA_PASSWORD")}
	var err error
	s.kafka.CA, err = readCA(*caFile)
	return s, err
}

func readCA(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in it", file)
	}
	return pool, nil
}
