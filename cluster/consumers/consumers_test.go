package consumers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"registration.example/cluster/kube"
	"registration.example/local/broker"
)

const (
	topic = "user-approve"
	group = "approval-service"
)

// Every ready pod is a member that works; whoever is not ready is none, and who
// leaves has committed what it did.
func TestMembersFollowPods(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Options{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Topics: []broker.Topic{{Name: topic, Partitions: 6}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err := broker.Client(b.Addr(), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var ready atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		New(Options{
			Client: cluster(t, &ready), Namespace: "n", Selector: "app=approval-service",
			Broker: b.Addr(), Topic: topic, Group: group, Delay: time.Millisecond, Out: io.Discard,
		}).Run(ctx)
	}()
	admin := kadm.NewClient(client)
	ready.Store(3)
	eventually(t, func() string { return members(t, admin, 3) })
	for i := range 60 {
		client.Produce(t.Context(), &kgo.Record{Value: []byte{byte(i)}, Key: []byte{byte(i)}}, nil)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string { return committed(t, admin, 60) })
	ready.Store(1)
	eventually(t, func() string { return members(t, admin, 1) })
	stop()
	<-stopped
	eventually(t, func() string { return members(t, admin, 0) })
}

// cluster answers with so many ready pods, and one that is not.
func cluster(t *testing.T, ready *atomic.Int64) *kube.Client {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"items":[{"metadata":{"uid":"starting"}}`)
		for i := range ready.Load() {
			_, _ = fmt.Fprintf(w, `,{"metadata":{"uid":"%d"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, i)
		}
		_, _ = io.WriteString(w, "]}")
	}))
	t.Cleanup(server.Close)
	return kube.NewClient(server.URL, server.Certificate(), tls.Certificate{})
}

func members(t *testing.T, admin *kadm.Client, want int) string {
	t.Helper()
	groups, err := admin.DescribeGroups(t.Context(), group)
	if err != nil {
		return err.Error()
	}
	if got := len(groups[group].Members); got != want {
		return fmt.Sprintf("%d members, want %d", got, want)
	}
	return ""
}

func committed(t *testing.T, admin *kadm.Client, want int64) string {
	t.Helper()
	offsets, err := admin.FetchOffsets(t.Context(), group)
	if err != nil {
		return err.Error()
	}
	sum := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(0, o.At) })
	if sum != want {
		return fmt.Sprintf("%d records committed, want %d", sum, want)
	}
	return ""
}

// eventually waits until check has nothing to say.
func eventually(t *testing.T, check func() string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		missing := check()
		if missing == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatal(missing)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
