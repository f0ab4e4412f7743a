// Package sidecar is Dapr behind a few verbs: save and get state, publish,
// and receive what topics bring. Nobody else imports Dapr, and nothing here
// knows a service.
package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// maxMessageBytes bounds one call in either direction. It matches maxBodySize
// in dapr.yaml: the largest batch must fit.
const maxMessageBytes = 16 << 20

// ErrUnavailable is the cause of errors that pass by themselves: the sidecar,
// the broker or the database does not answer, or not in time.
var ErrUnavailable = errors.New("unavailable")

// ErrBroker is the ErrUnavailable of publishing. It is never the fault of a
// record: what services publish is valid and small.
var ErrBroker = fmt.Errorf("broker %w", ErrUnavailable)

// Client talks to the sidecar of this process. It is safe for concurrent use.
type Client struct {
	dapr    dapr.Client
	timeout time.Duration
}

// Options say where the sidecar is.
type Options struct {
	// Address is the host and port of the sidecar's gRPC API.
	Address string
	// Token is the Dapr API token, empty if the sidecar wants none.
	Token string
	// Timeout bounds each call.
	Timeout time.Duration
}

// Connect makes a client. It does not wait for the sidecar, so that services
// and sidecars start in any order; calls fail with ErrUnavailable until it is up.
func Connect(o Options) (*Client, error) {
	conn, err := grpc.NewClient("passthrough:///"+o.Address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // loopback, or the pod's own network
		grpc.WithUnaryInterceptor(withToken(o.Token)),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes),
			grpc.MaxCallSendMsgSize(maxMessageBytes),
		),
		grpc.WithConnectParams(grpc.ConnectParams{
			// A sidecar that restarts must be found again at once; gRPC's default goes up to 2 min.
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("sidecar at %s: %w", o.Address, err)
	}
	return &Client{dapr: dapr.NewClientWithConnection(conn), timeout: o.Timeout}, nil
}

// withToken adds the API token, which the SDK adds only to connections that it
// opens, and waits, by doing so.
func withToken(token string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", token)
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

// Close ends the connection.
func (c *Client) Close() { c.dapr.Close() }

// Status is what the sidecar says of itself.
type Status struct {
	// Components maps the names of loaded components to their types.
	Components map[string]string
	// Topics holds the topics with a subscription.
	Topics map[string]bool
}

// Status asks the sidecar what it has loaded.
func (c *Client) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	m, err := c.dapr.GetMetadata(ctx)
	if err != nil {
		return Status{}, unavailable("sidecar status", err)
	}
	s := Status{Components: map[string]string{}, Topics: map[string]bool{}}
	for _, component := range m.RegisteredComponents {
		s.Components[component.Name] = component.Type
	}
	for _, subscription := range m.Subscriptions {
		s.Topics[subscription.Topic] = true
	}
	return s, nil
}

// unavailable says what was being done when the sidecar could not do it. The
// sidecar gives one code for all causes behind it, so there is nothing finer.
func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}
