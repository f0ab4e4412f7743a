package sidecar_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	commonpb "github.com/dapr/dapr/pkg/proto/common/v1"
	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"registration.example/sidecar"
)

// Types of state components, which decide how a batch is written.
const (
	sqlite  = "state.sqlite"
	mongodb = "state.mongodb"
)

// fake is a sidecar whose state and topics are in memory. It writes as daprd
// 1.16 does: a transaction is all or nothing, a bulk save writes what it can
// and then has one error for the rest.
type fake struct {
	pb.UnimplementedDaprServer

	kind string // of the component "statestore"
	// before runs at the begin of each call, outside the lock; its error is the
	// call's.
	before func(ctx context.Context, method string) error
	// after replaces the answer of a call that worked.
	after func(method string) error
	// itemError is the error of each item of a bulk get.
	itemError string
	// failedEntries are those of a bulk publish.
	failedEntries []string
	// refused is a key that cannot be written.
	refused string

	address string // where connect has it served

	mu        sync.Mutex
	records   map[string]item
	versions  int
	calls     []string
	tokens    map[string]bool
	published []*pb.BulkPublishRequest
}

type item struct {
	value []byte
	etag  string
}

// serve runs the fake on a listener until the test ends.
func (f *fake) serve(t *testing.T, listener net.Listener) {
	t.Helper()
	f.records, f.tokens = map[string]item{}, map[string]bool{}
	server := grpc.NewServer(grpc.UnaryInterceptor(f.intercept), grpc.MaxRecvMsgSize(32<<20))
	pb.RegisterDaprServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

// listen opens a port of the loopback interface.
func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

const callTimeout = 10 * time.Second

// connect gives a client of the fake.
func connect(t *testing.T, f *fake) *sidecar.Client {
	t.Helper()
	listener := listen(t, "127.0.0.1:0")
	f.serve(t, listener)
	f.address = listener.Addr().String()
	return dial(t, f.address, callTimeout)
}

func dial(t *testing.T, address string, timeout time.Duration) *sidecar.Client {
	t.Helper()
	client, err := sidecar.Connect(sidecar.Options{Address: address, Token: "token", Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (f *fake) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	method := info.FullMethod[len("/dapr.proto.runtime.v1.Dapr/"):]
	md, _ := metadata.FromIncomingContext(ctx)
	f.mu.Lock()
	f.calls = append(f.calls, method)
	f.tokens[fmt.Sprint(md.Get("dapr-api-token"))] = true
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(ctx, method); err != nil {
			return nil, err
		}
	}
	response, err := handle(ctx, request)
	if err == nil && f.after != nil {
		err = f.after(method)
	}
	return response, err
}

// called counts the calls of each method.
func (f *fake) called() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, method := range f.calls {
		counts[method]++
	}
	return counts
}

// sentTokens gives the distinct API tokens of all calls.
func (f *fake) sentTokens() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.tokens)
}

func (f *fake) GetMetadata(context.Context, *pb.GetMetadataRequest) (*pb.GetMetadataResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	response := &pb.GetMetadataResponse{
		RegisteredComponents: []*pb.RegisteredComponents{{Name: "pubsub", Type: "pubsub.kafka"}},
		Subscriptions:        []*pb.PubsubSubscription{{PubsubName: "pubsub", Topic: "user-create"}},
	}
	if f.kind != "" {
		response.RegisteredComponents = append(response.RegisteredComponents, &pb.RegisteredComponents{Name: "statestore", Type: f.kind})
	}
	return response, nil
}

// put writes one item, under the lock.
func (f *fake) put(s *commonpb.StateItem) error {
	stands, found := f.records[s.GetKey()]
	firstWrite := s.GetOptions().GetConcurrency() == commonpb.StateOptions_CONCURRENCY_FIRST_WRITE
	etag := s.GetEtag().GetValue()
	switch {
	case s.GetKey() == f.refused:
		return status.Error(codes.Internal, "refused")
	case firstWrite && etag == "" && found, etag != "" && found && etag != stands.etag:
		return status.Error(codes.Aborted, "possible etag mismatch")
	case etag != "" && !found && f.kind != mongodb: // MongoDB inserts
		return status.Error(codes.Aborted, "possible etag mismatch")
	}
	f.versions++
	f.records[s.GetKey()] = item{value: slices.Clone(s.GetValue()), etag: fmt.Sprint("v", f.versions)}
	return nil
}

func (f *fake) SaveState(_ context.Context, r *pb.SaveStateRequest) (*emptypb.Empty, error) {
	var failure error
	for _, s := range r.GetStates() {
		f.mu.Lock()
		if err := f.put(s); err != nil {
			failure = err
		}
		f.mu.Unlock()
		runtime.Gosched() // bulk saves of several callers mix
	}
	return &emptypb.Empty{}, failure
}

func (f *fake) ExecuteStateTransaction(_ context.Context, r *pb.ExecuteStateTransactionRequest) (*emptypb.Empty, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := maps.Clone(f.records)
	for _, operation := range r.GetOperations() {
		if operation.GetOperationType() != "upsert" {
			return nil, status.Errorf(codes.InvalidArgument, "operation %q", operation.GetOperationType())
		}
		if err := f.put(operation.GetRequest()); err != nil {
			f.records = before
			return nil, err
		}
	}
	return &emptypb.Empty{}, nil
}

func (f *fake) GetBulkState(_ context.Context, r *pb.GetBulkStateRequest) (*pb.GetBulkStateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	response := &pb.GetBulkStateResponse{}
	for _, key := range slices.Backward(r.GetKeys()) { // in no promised order
		stands := f.records[key]
		response.Items = append(response.Items, &pb.BulkStateItem{Key: key, Data: stands.value, Etag: stands.etag, Error: f.itemError})
	}
	return response, nil
}

func (f *fake) BulkPublishEventAlpha1(_ context.Context, r *pb.BulkPublishRequest) (*pb.BulkPublishResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.published = append(f.published, r)
	response := &pb.BulkPublishResponse{}
	for _, id := range f.failedEntries {
		response.FailedEntries = append(response.FailedEntries, &pb.BulkPublishResponseFailedEntry{EntryId: id, Error: "no leader"})
	}
	return response, nil
}
