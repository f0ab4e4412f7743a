package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"registration.example/local/system"
)

// target is the system under test.
var target struct {
	operations, users, kafka string
	// system is nil where the system was not started here.
	system *system.System
}

// Names of the services.
const (
	operationService = "operation-service"
	userService      = "user-service"
	approvalService  = "approval-service"
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	if url := os.Getenv("TARGET"); url != "" {
		target.operations, target.users, target.kafka = url, os.Getenv("USERS_TARGET"), os.Getenv("KAFKA_BROKERS")
		return m.Run()
	}
	stop, err := start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the system under test:", err)
		return 1
	}
	defer stop()
	return m.Run()
}

// start starts a system on free ports, with data of its own.
func start(ctx context.Context) (stop func(), err error) {
	folder, err := os.MkdirTemp("", "e2e-")
	if err != nil {
		return nil, err
	}
	options := system.Options{Folder: folder, Out: os.Stderr, Env: map[string]string{"APPROVAL_DELAY": "20ms"}, ReadyTimeout: 2 * time.Minute}
	stopBroker, err := profile(ctx, folder, &options)
	if err != nil {
		return nil, err
	}
	if options.PortBase, err = system.FreePortBase(); err != nil {
		return nil, err
	}
	s, err := system.Start(ctx, options)
	if err != nil {
		stopBroker()
		return nil, err
	}
	target.system, target.operations, target.users, target.kafka = s, s.URL(operationService), s.URL(userService), s.Kafka()
	return func() {
		s.Stop()
		stopBroker()
		_ = os.RemoveAll(folder)
	}, nil
}

// profile completes the options for E2E_PROFILE, and starts what it needs.
func profile(ctx context.Context, folder string, options *system.Options) (stop func(), err error) {
	stop = func() {}
	switch name := os.Getenv("E2E_PROFILE"); name {
	case "", "embedded":
	case "kafka":
		options.Kafka, stop, err = startKafka(ctx, folder)
	case "kafka-mongodb":
		options.Profile, options.MongoDB = system.KafkaMongoDB, os.Getenv("MONGODB_URI")
	default:
		return nil, fmt.Errorf("E2E_PROFILE=%q is none of embedded, kafka, kafka-mongodb", name)
	}
	return stop, err
}

// own gives the system where a test needs its processes.
func own(t *testing.T) *system.System {
	t.Helper()
	if target.system == nil {
		t.Skip("needs a system that was started here")
	}
	return target.system
}

// operation is an operation as clients see it.
type operation struct {
	UUID  uuid.UUID `json:"uuid"`
	Type  string    `json:"type"`
	State string    `json:"state"`
	Done  bool      `json:"done"`
	Data  struct {
		Name     string    `json:"name"`
		UUID     uuid.UUID `json:"uuid"`
		Approved *bool     `json:"approved"`
	} `json:"data"`
	Response *struct {
		State string `json:"state"`
		Error string `json:"error"`
	} `json:"response"`
	Error string `json:"error"`
}

// user is a user as clients see it.
type user struct {
	UUID        uuid.UUID `json:"uuid"`
	Name        string    `json:"name"`
	OperationID uuid.UUID `json:"operationId"`
	State       string    `json:"state"`
}

// endWithin is how long an operation may take, machines being as slow as they are.
const endWithin = time.Minute

// call sends a request and gives status and body.
func call(t *testing.T, method, url, body string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, answer
}

func decode[T any](t *testing.T, body []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(bytes.TrimSpace(body), &value); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return value
}

// create asks for a user and gives the accepted operation.
func create(t *testing.T, name string, headers ...string) operation {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		t.Fatal(err)
	}
	response, answer := call(t, http.MethodPost, target.operations+"/operations/user-create", string(body), headers...)
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("create %q: %s: %s", name, response.Status, answer)
	}
	return decode[operation](t, answer)
}

// await follows an operation to its end.
func await(t *testing.T, id uuid.UUID) operation {
	t.Helper()
	for deadline := time.Now().Add(endWithin); ; {
		response, answer := call(t, http.MethodGet, target.operations+"/operations/"+id.String(), "", "Prefer", "wait=10")
		if response.StatusCode != http.StatusOK {
			t.Fatalf("operation %s: %s: %s", id, response.Status, answer)
		}
		if o := decode[operation](t, answer); o.Done {
			return o
		}
		if time.Now().After(deadline) {
			t.Fatalf("operation %s has not ended after %s", id, endWithin)
		}
	}
}

// wantUser checks that an operation made its one user.
func wantUser(t *testing.T, o operation, state string) {
	t.Helper()
	response, answer := call(t, http.MethodGet, target.users+"/users/"+o.Data.UUID.String(), "")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("user of %s: %s: %s", o.UUID, response.Status, answer)
	}
	if u := decode[user](t, answer); u.OperationID != o.UUID || u.Name != o.Data.Name || u.State != state {
		t.Fatalf("got %+v, want the %s user of operation %s", u, state, o.UUID)
	}
}
