// Package proxy is a TCP proxy that delays and cuts what passes it: the network
// between two processes, when it does its worst.
package proxy

import (
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// chunk is the most that is passed on at once.
	chunk = 32 << 10
	// underway is how many chunks may be on their way in one direction; then
	// the sender has to wait, as it would with a real network's buffers.
	underway = 64
)

// Proxy passes connections on to one address.
type Proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	latency time.Duration
	cut     bool
	open    map[net.Conn]struct{}
	work    sync.WaitGroup
}

// Listen starts a proxy on a free port of the loopback interface. The target
// need not be there yet.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy before %s: %w", target, err)
	}
	p := &Proxy{listener: listener, target: target, open: map[net.Conn]struct{}{}}
	p.work.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Delay holds back what passes from now on, in each direction; 0 ends that.
func (p *Proxy) Delay(latency time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = latency
}

// Cut breaks all connections, and new ones until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

// Mend lets connections through again.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Close ends the proxy with all its connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Cut()
	p.work.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.work.Go(func() { p.serve(client) })
	}
}

// serve connects a client through, until both directions have ended.
func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	defer p.forget(client)
	server, err := net.DialTimeout("tcp", p.target, dialTimeout)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	defer p.forget(server)
	var directions sync.WaitGroup
	directions.Go(func() { p.pass(client, server) })
	directions.Go(func() { p.pass(server, client) })
	directions.Wait()
}

// keep notes a connection, unless the link is cut.
func (p *Proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cut {
		p.open[conn] = struct{}{}
	}
	return !p.cut
}

func (p *Proxy) forget(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}

func (p *Proxy) delay() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latency
}

// parcel is what was read at once, with the time at which it arrives.
type parcel struct {
	data []byte
	due  time.Time
}

// pass carries one direction. Reading goes on while parcels wait to arrive: a
// slow network delays, it does not stop.
func (p *Proxy) pass(from, to net.Conn) {
	parcels := make(chan parcel, underway)
	go func() {
		defer close(parcels)
		for {
			data := make([]byte, chunk)
			n, err := from.Read(data)
			if n > 0 {
				parcels <- parcel{data[:n], time.Now().Add(p.delay())}
			}
			if err != nil {
				return
			}
		}
	}()
	for it := range parcels {
		time.Sleep(time.Until(it.due))
		if _, err := to.Write(it.data); err != nil {
			_ = from.Close()
			for range parcels { // its reader ends
			}
			return
		}
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
