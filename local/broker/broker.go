// Package broker is the embedded broker: the Kafka protocol served by one Go
// process, its records in files. It stands in for Apache Kafka on a machine
// that has none. It is no cluster: one node, no replicas, and it trusts whoever
// connects, which is why it listens on the loopback interface only.
package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// retentionInterval is how often old records beyond retentionBytes go.
	retentionInterval = time.Minute
	// retentionBytes bounds one partition's files. Time alone removes nothing:
	// a system that rested for weeks still finds what it had accepted.
	retentionBytes = 256 << 20
	// offsetsRetentionMinutes keeps the groups' offsets for ten years, since a
	// group without offsets starts from the oldest record.
	offsetsRetentionMinutes = 10 * 365 * 24 * 60
	// maxRecordBytes takes a bulk publish of the largest events.
	maxRecordBytes = 16 << 20
)

// Options say where a broker listens and keeps its files.
type Options struct {
	// Addr is host:port on the loopback interface; port 0 takes a free one.
	Addr string
	// Advertise is host:port of what clients are told to connect to, such as a
	// proxy before the broker; Addr if empty.
	Advertise string
	// Data is the folder of the files. It is made if it does not exist.
	Data string
	// Topics are made if they do not exist.
	Topics []Topic
	// Log gets what goes wrong.
	Log *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	client  *kgo.Client // its own, whatever is between it and others
	stop    chan struct{}
	work    sync.WaitGroup
}

// Start opens the files and serves; its topics exist when it returns. Records
// that it acknowledged survive its being killed, not a loss of power: like
// Kafka it leaves the disk's caches to the operating system.
func Start(ctx context.Context, o Options) (*Broker, error) {
	port, err := loopbackPort(o.Addr)
	if err != nil {
		return nil, err
	}
	listen, err := newListening(o.Advertise)
	if err != nil {
		return nil, err
	}
	cluster, err := kfake.NewCluster(
		kfake.Ports(port),
		kfake.ListenFn(listen.listen),
		kfake.DataDir(o.Data),
		kfake.ClusterID("registration-embedded"),
		kfake.WithLogger(logger{o.Log}),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":         strconv.Itoa(maxRecordBytes),
			"log.retention.ms":          "-1",
			"log.retention.bytes":       strconv.Itoa(retentionBytes),
			"offsets.retention.minutes": strconv.Itoa(offsetsRetentionMinutes),
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("start broker at %s with files in %s: %w", o.Addr, o.Data, err)
	}
	b := &Broker{cluster: cluster, addr: cluster.ListenAddrs()[0], stop: make(chan struct{})}
	if b.client, err = Client(b.addr, kgo.Dialer(listen.dial)); err != nil {
		cluster.Close()
		return nil, err
	}
	sessions := newSessions(cluster, b.client, o.Log)
	b.work.Go(b.retain)
	b.work.Go(func() { sessions.run(b.stop) })
	if err := EnsureTopics(ctx, b.addr, o.Topics); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// Addr is where clients find the broker: where it listens, or what it
// advertises.
func (b *Broker) Addr() string { return b.addr }

// Close stops serving and writes what is not yet in the files.
func (b *Broker) Close() {
	close(b.stop)
	b.work.Wait()
	b.client.Close()
	b.cluster.Close()
}

// retain removes the oldest records of partitions that grew too large.
func (b *Broker) retain() {
	tick := time.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.cluster.ApplyRetention()
		}
	}
}

// loopbackPort refuses an address that other machines could reach.
func loopbackPort(addr string) (int, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, fmt.Errorf("broker address %q: %w", addr, err)
	}
	if host != "127.0.0.1" && host != "localhost" {
		return 0, fmt.Errorf("broker address %q: the embedded broker listens on 127.0.0.1 only", addr)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("broker address %q: %w", addr, err)
	}
	return int(n), nil
}

// listening is how a broker listens that may advertise another address.
type listening struct {
	told net.Addr // nil: where it listens
	at   net.Addr // where it listens
}

func newListening(advertise string) (*listening, error) {
	if advertise == "" {
		return &listening{}, nil
	}
	told, err := net.ResolveTCPAddr("tcp", advertise)
	if err != nil {
		return nil, fmt.Errorf("advertised address %q: %w", advertise, err)
	}
	return &listening{told: told}, nil
}

func (l *listening) listen(network, addr string) (net.Listener, error) {
	listener, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	l.at = listener.Addr()
	if l.told == nil {
		return listener, nil
	}
	return advertised{listener, l.told}, nil
}

// dial connects to the broker itself, whatever address it has told.
func (l *listening) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, l.at.String())
}

// advertised is a listener whose address is another one than it has: the
// broker tells it to its clients.
type advertised struct {
	net.Listener
	addr net.Addr
}

// Addr implements net.Listener.
func (a advertised) Addr() net.Addr { return a.addr }

// logger hands kfake's warnings and errors to slog.
type logger struct{ log *slog.Logger }

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.log.Error(fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.log.Warn(fmt.Sprintf(format, args...))
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
	}
}
