package broker_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"registration.example/local/broker"
)

const (
	session   = 6 * time.Second  // the shortest that brokers accept
	rebalance = 60 * time.Second // what the client of the sidecar asks for
	heartbeat = 500 * time.Millisecond
	// soon is a session and then some: more than a machine under load needs.
	soon = 25 * time.Second
)

// groupMember speaks the protocol of consumer groups by hand, over connections
// of its own, so that a test can end it at any point.
type groupMember struct {
	client     *kgo.Client
	id         string
	generation int32
}

func newMember(t *testing.T, addr string) *groupMember {
	t.Helper()
	return &groupMember{client: client(t, addr)}
}

// join asks to be a member, and waits until all have asked.
func (m *groupMember) join(ctx context.Context) error {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = "g", m.id, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = int32(session.Milliseconds()), int32(rebalance.Milliseconds())
	req.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sticky", Metadata: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
	resp, err := req.RequestWith(ctx, m.client)
	if err != nil {
		return err
	}
	m.id, m.generation = resp.MemberID, resp.Generation
	if err = kerr.ErrorForCode(resp.ErrorCode); errors.Is(err, kerr.MemberIDRequired) {
		return m.join(ctx)
	}
	return err
}

// sync assigns nothing to nobody, as the leader or not.
func (m *groupMember) sync(ctx context.Context) error {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = "g", m.id, m.generation
	resp, err := req.RequestWith(ctx, m.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

func (m *groupMember) heartbeat(ctx context.Context) error {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = "g", m.id, m.generation
	resp, err := req.RequestWith(ctx, m.client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.ErrorCode)
}

// beat sends heartbeats until ctx ends or one is answered with an error.
func (m *groupMember) beat(ctx context.Context) error {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := m.heartbeat(ctx); err != nil {
				return err
			}
		}
	}
}

// must joins and syncs a member without which nothing can be tested.
func (m *groupMember) must(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := errors.Join(m.join(ctx), m.sync(ctx)); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T) (addr string) {
	t.Helper()
	b, err := broker.Start(t.Context(), options(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr()
}

func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// A process that is killed while it joins is counted as a member in the end,
// and gets partitions. Its session has to end as any other.
func TestMemberThatVanishesInARebalanceIsExpired(t *testing.T) {
	t.Parallel()
	addr := start(t)
	ctx := within(t, soon)
	stays, vanishes := newMember(t, addr), newMember(t, addr)
	stays.must(ctx, t)
	gone := make(chan error, 1)
	go func() { gone <- vanishes.join(ctx) }()
	if err := stays.beat(ctx); !errors.Is(err, kerr.RebalanceInProgress) {
		t.Fatalf("while another joins a heartbeat is answered with %v", err)
	}
	vanishes.client.Close()
	<-gone
	stays.must(ctx, t)
	if err := stays.beat(ctx); !errors.Is(err, kerr.RebalanceInProgress) {
		t.Errorf("no new rebalance without the member that vanished: %v", err)
	}
}

// One that lives and does not join again is waited for, but not for so long
// that clients give up: the sidecar's does after 30 s, and a second join would
// begin the waiting anew. Those that wait keep their place meanwhile.
func TestWhoWaitsForARebalanceIsAnswered(t *testing.T) {
	t.Parallel()
	addr := start(t)
	ctx := within(t, soon)
	waits, stuck, comes := newMember(t, addr), newMember(t, addr), newMember(t, addr)
	waits.must(ctx, t)
	joined := make(chan error, 2)
	go func() { joined <- stuck.join(ctx) }()
	if err := waits.beat(ctx); !errors.Is(err, kerr.RebalanceInProgress) {
		t.Fatal(err)
	}
	if err := errors.Join(waits.join(ctx), <-joined); err != nil {
		t.Fatal(err)
	}
	go func() { joined <- stuck.sync(ctx) }()
	if err := errors.Join(waits.sync(ctx), <-joined); err != nil {
		t.Fatal(err)
	}

	go func() { joined <- comes.join(ctx) }()
	if err := waits.beat(ctx); !errors.Is(err, kerr.RebalanceInProgress) {
		t.Fatal(err)
	}
	go func() { joined <- waits.join(ctx) }()
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for alive.Err() == nil {
			_ = stuck.beat(alive) // it is told to join, and does not
		}
	}()
	if err := errors.Join(<-joined, <-joined); err != nil {
		t.Errorf("who waited was answered with %v", err)
	}
}

// One that is heard of is kept, also when the broker was halted for longer than
// a session and could not hear anybody.
func TestMemberWithHeartbeatsIsKept(t *testing.T) {
	t.Parallel()
	addr, process := startProcess(t, t.TempDir())
	defer kill(process)
	stays := newMember(t, addr)
	stays.must(t.Context(), t)
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	halted := within(t, session+2*time.Second)
	<-halted.Done()
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, session+2*time.Second)
	if err := stays.beat(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a heartbeat is answered with %v", err)
	}
}
