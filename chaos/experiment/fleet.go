package experiment

import (
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"registration.example/chaos/effects"
	"registration.example/chaos/plan"
	"registration.example/chaos/proxy"
	"registration.example/e2e/kafka"
	"registration.example/local/broker"
	"registration.example/local/runfile"
	"registration.example/local/system"
)

// Profiles are what a system can run on.
const (
	// Embedded is the embedded broker and SQLite.
	Embedded = "embedded"
	// Kafka is Apache Kafka and SQLite.
	Kafka = "kafka"
	// KafkaMongoDB is Apache Kafka and a MongoDB that runs already.
	KafkaMongoDB = "kafka-mongodb"
)

// profiles are all of them.
var profiles = []string{Embedded, Kafka, KafkaMongoDB}

// Links of a fleet.
const (
	brokerLink   = "broker"
	databaseLink = "database"
)

// fleet is a system with proxies before its servers, and those servers that it
// does not start itself.
type fleet struct {
	*system.System
	servers map[string]server
	proxies map[string]*proxy.Proxy
	store   effects.Store
}

// startFleet starts a system on free ports in a folder of its own.
func startFleet(ctx context.Context, o Options, out io.Writer) (_ *fleet, err error) {
	base, err := system.FreePortBase()
	if err != nil {
		return nil, err
	}
	f := &fleet{servers: map[string]server{}, proxies: map[string]*proxy.Proxy{}}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	options := system.Options{
		Folder: filepath.Join(o.Folder, "system"), PortBase: base, Out: out, ReadyTimeout: 2 * time.Minute,
		Env: map[string]string{"APPROVAL_DELAY": o.ApprovalDelay.String()},
	}
	address, err := f.through(brokerLink, system.BrokerAddr(base))
	if err != nil {
		return nil, err
	}
	switch o.Profile {
	case Embedded:
		options.BrokerProxy = address
	case Kafka:
		err = f.startKafka(ctx, &options, address, filepath.Join(o.Folder, "kafka"))
	default:
		err = errors.Join(f.useMongoDB(ctx, &options, o), f.startKafka(ctx, &options, address, filepath.Join(o.Folder, "kafka")))
	}
	if err != nil {
		return nil, err
	}
	if f.System, err = system.Start(ctx, options); err != nil {
		return nil, err
	}
	if f.store == nil {
		f.store = effects.SQLite{Folder: filepath.Join(f.Folder(), "data")}
	}
	return f, nil
}

// through puts a proxy before an address, and gives the proxy's.
func (f *fleet) through(link, addr string) (string, error) {
	p, err := proxy.Listen(addr)
	if err != nil {
		return "", err
	}
	f.proxies[link] = p
	return p.Addr(), nil
}

// startKafka starts Apache Kafka where the embedded broker would listen.
func (f *fleet) startKafka(ctx context.Context, options *system.Options, advertise, dir string) error {
	topics := map[string]int32{}
	for _, topic := range broker.Topics() {
		topics[topic.Name] = topic.Partitions
	}
	b, err := kafka.Start(ctx, kafka.Options{
		Dir: dir, Port: runfile.BrokerPort(options.PortBase), Advertise: advertise, Topics: topics,
	})
	if err != nil {
		return err
	}
	f.servers[system.Broker], options.Kafka = apache{b}, advertise
	return nil
}

// useMongoDB takes the database that is there, or starts it if there is a
// command for that.
func (f *fleet) useMongoDB(ctx context.Context, options *system.Options, o Options) error {
	uri := o.MongoDB
	addr, err := mongoAddr(uri)
	if err != nil {
		return err
	}
	if o.MongoDBCommand != "" {
		c, err := startCommand(ctx, o.MongoDBCommand, addr, o.Folder, filepath.Join(o.Folder, "mongodb.log"))
		if err != nil {
			return err
		}
		f.servers[databaseLink] = c
	}
	through, err := f.through(databaseLink, addr)
	if err != nil {
		return err
	}
	options.Profile, options.MongoDB, f.store = system.KafkaMongoDB, viaProxy(uri, through), effects.MongoDB{URI: uri}
	return nil
}

func (f *fleet) stop() {
	if f.System != nil {
		f.Stop()
	}
	for _, s := range f.servers {
		s.Stop()
	}
	for _, p := range f.proxies {
		p.Close()
	}
}

// targets are what faults can happen to.
func (f *fleet) targets() plan.Targets {
	t := plan.Targets{Processes: f.Processes(), Services: f.Apps()}
	for name := range f.proxies {
		t.Links = append(t.Links, name)
	}
	slices.Sort(t.Links) // a plan follows from the seed alone
	return t
}

func (f *fleet) links() map[string]link {
	links := map[string]link{}
	for name, p := range f.proxies {
		links[name] = p
	}
	return links
}

// Processes are those of the system, and its servers.
func (f *fleet) Processes() []string {
	return slices.Sorted(slices.Values(slices.AppendSeq(f.System.Processes(), maps.Keys(f.servers))))
}

// Running implements machine.
func (f *fleet) Running(name string) bool {
	if s, ok := f.servers[name]; ok {
		return s.Running()
	}
	return f.System.Running(name)
}

// Kill implements machine.
func (f *fleet) Kill(name string, signal syscall.Signal) error {
	if s, ok := f.servers[name]; ok {
		return s.Kill(signal)
	}
	return f.System.Kill(name, signal)
}

// Restart implements machine.
func (f *fleet) Restart(ctx context.Context, name string) error {
	if s, ok := f.servers[name]; ok {
		return s.Restart(ctx)
	}
	return f.System.Restart(name)
}
