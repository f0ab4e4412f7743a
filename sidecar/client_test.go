package sidecar_test

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"registration.example/sidecar"
)

// calls are all that a service can ask of its sidecar.
var calls = map[string]func(context.Context, *sidecar.Client) error{
	"status": func(ctx context.Context, c *sidecar.Client) error {
		_, err := c.Status(ctx)
		return err
	},
	"save": func(ctx context.Context, c *sidecar.Client) error {
		_, err := c.Store("statestore").Save(ctx, fresh(1))
		return err
	},
	"get": func(ctx context.Context, c *sidecar.Client) error {
		_, err := c.Store("statestore").Get(ctx, []string{"key0"})
		return err
	},
	"publish": func(ctx context.Context, c *sidecar.Client) error {
		return c.Publish(ctx, "pubsub", "user-create", []sidecar.Message{{Record: []byte("{}")}})
	},
}

// forEachCall runs a check over each call, on a client of its own.
func forEachCall(t *testing.T, client func(*testing.T) *sidecar.Client, check func(t *testing.T, err error)) {
	t.Helper()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := call(t.Context(), client(t))
			check(t, err)
			if err != nil && errors.Is(err, sidecar.ErrBroker) != (name == "publish") {
				t.Errorf("%v: only publishing is the broker's fault", err)
			}
		})
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, sidecar.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T) *sidecar.Client {
		t.Helper()
		f := &fake{kind: sqlite}
		t.Cleanup(func() {
			if diff := cmp.Diff(map[string]bool{"[token]": true}, f.sentTokens()); diff != "" {
				t.Errorf("tokens (-want +got):\n%s", diff)
			}
		})
		return connect(t, f)
	}, func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	})
}

func TestNoTokenIsSent(t *testing.T) {
	t.Parallel()
	f := &fake{kind: sqlite}
	listener := listen(t, "127.0.0.1:0")
	f.serve(t, listener)
	client, err := sidecar.Connect(sidecar.Options{Address: listener.Addr().String(), Timeout: callTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Status(t.Context())
	if diff := cmp.Diff(map[string]bool{"[]": true}, f.sentTokens()); diff != "" || err != nil {
		t.Errorf("error %v, tokens (-want +got):\n%s", err, diff)
	}
}

// TestErrors: whatever code the sidecar answers, it passes by itself.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.Unauthenticated, codes.FailedPrecondition} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			forEachCall(t, func(t *testing.T) *sidecar.Client {
				t.Helper()
				return connect(t, &fake{kind: sqlite, before: func(context.Context, string) error {
					return status.Error(code, "something is wrong")
				}})
			}, wantUnavailable)
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T) *sidecar.Client {
		t.Helper()
		listener := listen(t, "127.0.0.1:0")
		defer listener.Close()
		return dial(t, listener.Addr().String(), callTimeout)
	}, wantUnavailable)
}

// TestTimeout: a sidecar that hangs does not hold a call longer than Options.Timeout.
func TestTimeout(t *testing.T) {
	t.Parallel()
	forEachCall(t, func(t *testing.T) *sidecar.Client {
		t.Helper()
		f := &fake{kind: sqlite, before: func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		listener := listen(t, "127.0.0.1:0")
		f.serve(t, listener)
		return dial(t, listener.Addr().String(), 20*time.Millisecond)
	}, func(t *testing.T, err error) {
		t.Helper()
		wantUnavailable(t, err)
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want a passed deadline", err)
		}
	})
}

// TestSidecarComesLate: the client is made, and used, before the sidecar is up.
func TestSidecarComesLate(t *testing.T) {
	t.Parallel()
	listener := listen(t, "127.0.0.1:0")
	address := listener.Addr().String()
	listener.Close()
	client := dial(t, address, callTimeout)
	store := client.Store("statestore")
	_, err := store.Save(t.Context(), fresh(1))
	wantUnavailable(t, err)

	(&fake{kind: sqlite}).serve(t, listen(t, address))
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for err != nil && ctx.Err() == nil {
		<-retry.C
		_, err = store.Save(ctx, fresh(1))
	}
	if err != nil {
		t.Errorf("the sidecar is up, but: %v", err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	got, err := connect(t, &fake{kind: mongodb}).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := sidecar.Status{
		Components: map[string]string{"pubsub": "pubsub.kafka", "statestore": "state.mongodb"},
		Topics:     map[string]bool{"user-create": true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// TestPublish: the key stands on the entry, since the request's metadata would
// overwrite it, and the record is raw, since it is a CloudEvent already.
func TestPublish(t *testing.T) {
	t.Parallel()
	f := &fake{}
	err := connect(t, f).Publish(t.Context(), "pubsub", "user-create", []sidecar.Message{
		{Key: "k1", Record: []byte(`{"a":1}`)}, {Key: "k2", Record: []byte("\x00\xff")}, {Record: []byte("{}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []*pb.BulkPublishRequest{{
		PubsubName: "pubsub", Topic: "user-create", Metadata: map[string]string{"rawPayload": "true"},
		Entries: []*pb.BulkPublishRequestEntry{
			{EntryId: "0", Event: []byte(`{"a":1}`), ContentType: "application/json", Metadata: map[string]string{"partitionKey": "k1"}},
			{EntryId: "1", Event: []byte("\x00\xff"), ContentType: "application/json", Metadata: map[string]string{"partitionKey": "k2"}},
			{EntryId: "2", Event: []byte("{}"), ContentType: "application/json"},
		},
	}}
	if diff := cmp.Diff(want, f.published, protocmp.Transform()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestPublishPartly(t *testing.T) {
	t.Parallel()
	err := connect(t, &fake{failedEntries: []string{"1"}}).Publish(t.Context(), "pubsub", "user-create",
		[]sidecar.Message{{Record: []byte("{}")}, {Record: []byte("{}")}})
	if !errors.Is(err, sidecar.ErrBroker) {
		t.Errorf("got %v, want ErrBroker", err)
	}
}
