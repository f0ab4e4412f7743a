package components

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	kafkaType = "pubsub.kafka"
	mongoType = "state.mongodb"

	dialTimeout = 2 * time.Second
)

// Server is what a component connects to: any one of its addresses will do.
type Server struct {
	// Name is what a person calls it: Kafka, MongoDB.
	Name string
	// Addresses are host:port.
	Addresses []string
}

// String names the server with where it should be.
func (s Server) String() string { return s.Name + " at " + strings.Join(s.Addresses, ", ") }

// Servers lists the servers that the components in the folders need, each once.
// Values that the files take from the environment come from getenv.
func Servers(getenv func(string) string, folders ...string) ([]Server, error) {
	var servers []Server
	for _, folder := range folders {
		names, err := files(folder)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			documents, err := read(name)
			if err != nil {
				return nil, err
			}
			for _, d := range documents {
				servers = add(servers, d, getenv)
			}
		}
	}
	return servers, nil
}

func add(servers []Server, d document, getenv func(string) string) []Server {
	var s Server
	switch {
	case d.is(kafkaType):
		s = Server{Name: "Kafka", Addresses: addresses(d.text("brokers", getenv), "9092")}
	case d.is(mongoType):
		s = Server{Name: "MongoDB", Addresses: mongoAddresses(d, getenv)}
	}
	known := func(o Server) bool { return o.Name == s.Name && slices.Equal(o.Addresses, s.Addresses) }
	if len(s.Addresses) == 0 || slices.ContainsFunc(servers, known) {
		return servers
	}
	return append(servers, s)
}

// mongoAddresses leaves out mongodb+srv://, where only DNS knows them.
func mongoAddresses(d document, getenv func(string) string) []string {
	hosts := d.text("host", getenv)
	if s := d.text("connectionString", getenv); s != "" {
		rest, found := strings.CutPrefix(s, "mongodb://")
		if !found {
			return nil
		}
		// net/url does not read several hosts with ports.
		hosts, _, _ = strings.Cut(rest, "/")
		hosts = hosts[strings.LastIndexByte(hosts, '@')+1:]
	}
	return addresses(hosts, "27017")
}

// addresses splits a list, adding the port where there is none.
func addresses(list, port string) []string {
	var found []string
	for a := range strings.SplitSeq(list, ",") {
		a = strings.TrimSpace(a)
		if a == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(a); err != nil {
			a = net.JoinHostPort(a, port)
		}
		found = append(found, a)
	}
	return found
}

// Away gives those of the servers that answer at none of their addresses.
func Away(ctx context.Context, servers []Server) []Server {
	away := make([]bool, len(servers))
	var group sync.WaitGroup
	for i, s := range servers {
		group.Go(func() {
			away[i] = !slices.ContainsFunc(s.Addresses, func(a string) bool { return answers(ctx, a) })
		})
	}
	group.Wait()
	var found []Server
	for i, s := range servers {
		if away[i] {
			found = append(found, s)
		}
	}
	return found
}

// Missing says in one line what is away and what to do.
func Missing(away []Server) string {
	var names []string
	for _, s := range away {
		names = append(names, s.String())
	}
	return "Not reachable: " + strings.Join(names, " and ") +
		". Start with `docker compose up -d --wait`, or run the system without them: `make run`."
}

func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
