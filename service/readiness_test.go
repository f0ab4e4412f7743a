package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/dapr/dapr/pkg/proto/runtime/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"registration.example/messages"
	"registration.example/service"
	"registration.example/sidecar"
)

// lines is a log handler that keeps messages with their part.
type lines struct {
	slog.Handler

	mu   sync.Mutex
	kept []string
}

func newLines() *lines { return &lines{Handler: slog.DiscardHandler} }

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.Value.String()
		return true
	})
	l.kept = append(l.kept, line)
	return nil
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.kept)
}

// world is a sidecar and a state that work or not.
type world struct {
	mu             sync.Mutex
	sidecar, state error
	checks         []string
}

func (w *world) set(sidecar, state error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sidecar, w.state = sidecar, state
}

// check is a part's check, and notes that it was made.
func (w *world) check(name string, err *error) func(context.Context) error {
	return func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.checks = append(w.checks, name)
		return *err
	}
}

// checked tells which parts were checked since it was last asked.
func (w *world) checked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.checks = nil }()
	return slices.Compact(slices.Sorted(slices.Values(w.checks)))
}

func (w *world) readiness(logger *slog.Logger) *service.Readiness {
	return service.NewReadiness(logger,
		service.Part{Name: "sidecar", Check: w.check("sidecar", &w.sidecar)},
		service.StatePart(w.check("state", &w.state)),
	)
}

// readyz gives the answer of /readyz: its status, and what is wrong.
func readyz(t *testing.T, r http.Handler) (ready bool, reasons map[string]string) {
	t.Helper()
	response := httptest.NewRecorder()
	r.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
	var body struct {
		Ready bool
		Parts []service.Part
	}
	if err := json.Unmarshal(response.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[body.Ready]; response.Code != want {
		t.Errorf("status %d, ready: %v", response.Code, body.Ready)
	}
	reasons = map[string]string{}
	for _, part := range body.Parts {
		if part.OK == (part.Reason != "") {
			t.Errorf("part %+v", part)
		}
		if !part.OK {
			reasons[part.Name] = part.Reason
		}
	}
	return body.Ready, reasons
}

// TestReadiness follows a service from its start through an outage.
func TestReadiness(t *testing.T) {
	t.Parallel()
	down, away := errors.New("sidecar is down"), errors.New("database is away")
	synctest.Test(t, func(t *testing.T) {
		w, log := &world{}, newLines()
		w.set(down, away)
		r := w.readiness(slog.New(log))
		expect := func(step string, ready bool, reasons map[string]string) {
			t.Helper()
			gotReady, gotReasons := readyz(t, r)
			if diff := cmp.Diff(reasons, gotReasons); diff != "" || gotReady != ready {
				t.Errorf("%s: ready: %v, reasons (-want +got):\n%s", step, gotReady, diff)
			}
		}
		expect("before the first check", false, map[string]string{"sidecar": "not checked yet", "state": "not checked yet"})

		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		pass := func() { // enough for several checks at either interval
			<-time.After(7 * time.Second)
			synctest.Wait()
		}
		for _, step := range []struct {
			name           string
			sidecar, state error
			ready          bool
			reasons        map[string]string
			checked        []string
		}{
			{"nothing is up", down, away, false, map[string]string{"sidecar": "sidecar is down", "state": "not checked yet"}, []string{"sidecar"}},
			{"the sidecar is up", nil, away, false, map[string]string{"state": "database is away"}, []string{"sidecar", "state"}},
			{"everything is up", nil, nil, true, map[string]string{}, []string{"sidecar", "state"}},
			{"the database goes away", nil, away, true, map[string]string{}, []string{"sidecar"}},
			{"the sidecar goes too", down, away, false, map[string]string{"sidecar": "sidecar is down"}, []string{"sidecar"}},
			{"the sidecar is back", nil, away, true, map[string]string{}, []string{"sidecar"}},
		} {
			w.set(step.sidecar, step.state)
			w.checked()
			pass()
			expect(step.name, step.ready, step.reasons)
			if diff := cmp.Diff(step.checked, w.checked()); diff != "" {
				t.Errorf("%s: checked (-want +got):\n%s", step.name, diff)
			}
		}
		cancel()
		synctest.Wait()
		w.checked()
		pass()
		if checked := w.checked(); len(checked) != 0 {
			t.Errorf("checked after the end: %v", checked)
		}
		want := []string{"not ready sidecar sidecar is down", "not ready state database is away", "ready", "not ready sidecar sidecar is down", "ready"}
		if diff := cmp.Diff(want, log.all()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

// TestReadinessEndsInACheck: a check that fails because the process ends is no news.
func TestReadinessEndsInACheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := newLines()
		r := service.NewReadiness(slog.New(log), service.Part{Name: "sidecar", Check: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		<-time.After(time.Second)
		cancel()
		synctest.Wait()
		if got := log.all(); len(got) != 0 {
			t.Errorf("log: %q", got)
		}
	})
}

// TestReadinessHangingCheck: a sidecar that does not answer is one that is down.
func TestReadinessHangingCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := service.NewReadiness(slog.New(slog.DiscardHandler), service.Part{Name: "sidecar", Check: func(ctx context.Context) error {
			<-ctx.Done()
			return errors.New("no answer")
		}})
		go r.Run(t.Context())
		<-time.After(30 * time.Second)
		synctest.Wait()
		if ready, reasons := readyz(t, r); ready || reasons["sidecar"] != "no answer" {
			t.Errorf("ready: %v, reasons %v", ready, reasons)
		}
	})
}

// metadataServer is a sidecar that can say only what it has loaded.
type metadataServer struct {
	pb.UnimplementedDaprServer
}

func (metadataServer) GetMetadata(context.Context, *pb.GetMetadataRequest) (*pb.GetMetadataResponse, error) {
	return &pb.GetMetadataResponse{
		RegisteredComponents: []*pb.RegisteredComponents{{Name: "pubsub", Type: "pubsub.kafka"}},
		Subscriptions:        []*pb.PubsubSubscription{{PubsubName: "pubsub", Topic: "user-create"}},
	}, nil
}

func TestSidecarPart(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterDaprServer(server, metadataServer{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	for name, test := range map[string]struct {
		address    string
		components []string
		topics     []messages.Topic
		want       string
	}{
		"all is there":           {components: []string{"pubsub"}, topics: []messages.Topic{"user-create"}},
		"component is missing":   {components: []string{"pubsub", "statestore"}, want: `component "statestore" is not loaded`},
		"subscription is absent": {components: []string{"pubsub"}, topics: []messages.Topic{"user-create", "user-approve"}, want: `no subscription to topic "user-approve"`},
		"sidecar is down":        {address: "127.0.0.1:1", want: "see its log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.address == "" {
				test.address = listener.Addr().String()
			}
			client, err := sidecar.Connect(sidecar.Options{Address: test.address, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			err = service.SidecarPart(client.Status, test.components, test.topics).Check(t.Context())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
