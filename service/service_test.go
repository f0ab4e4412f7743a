package service_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/service"
	"registration.example/sidecar"
)

// freePorts finds two ports that nobody listens on. They lie below those that
// the system gives to outgoing connections, so that none of these takes one.
func freePorts(t *testing.T) (public, events int) {
	t.Helper()
	var free []int
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		listener, err := net.Listen("tcp", fmt.Sprint(":", port))
		if err != nil {
			continue
		}
		defer listener.Close() // after both are found
		if free = append(free, port); len(free) == 2 {
			return free[0], free[1]
		}
	}
	t.Fatal("no free ports")
	return 0, 0
}

// running is a service that serves until stop.
type running struct {
	public, events string // base URLs
	log            *lines
	stop           context.CancelFunc
	done           chan error
}

// start runs a service and waits until it listens.
func start(t *testing.T, change func(*service.Options)) *running {
	t.Helper()
	public, events := freePorts(t)
	r := &running{
		public: fmt.Sprintf("http://127.0.0.1:%d", public),
		events: fmt.Sprintf("http://127.0.0.1:%d", events),
		log:    newLines(),
		done:   make(chan error, 1),
	}
	options := service.Options{
		Name: "test-service",
		Settings: service.Settings{
			Port: public, AppHost: "127.0.0.1", AppPort: events, AppToken: "secret", Drain: 10 * time.Second,
		},
		Logger:   slog.New(r.log),
		Registry: prometheus.NewRegistry(),
		Ready:    service.NewReadiness(slog.New(slog.DiscardHandler)),
		OpenAPI:  []byte("openapi: 3.1.0\n"),
		Routes: func(router *mux.Router) {
			router.HandleFunc("/users", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "users") }).Methods(http.MethodGet, http.MethodHead)
		},
		Events: func(router *mux.Router) {
			sidecar.Routes(router, "secret", map[string]sidecar.Consumer{
				"user-create": func(_ context.Context, batch []sidecar.Delivery) []error { return make([]error, len(batch)) },
			})
		},
	}
	if change != nil {
		change(&options)
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	go func() { r.done <- service.Run(ctx, options) }()
	t.Cleanup(r.stop)
	r.logged(t, "listening")
	return r
}

// logged waits until a message is in the log.
func (r *running) logged(t *testing.T, message string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if slices.ContainsFunc(r.log.all(), func(line string) bool { return strings.HasPrefix(line, message) }) {
			return
		}
	}
	t.Fatalf("no %q in the log: %q", message, r.log.all())
}

// end waits for the end of Run and gives its error.
func (r *running) end(t *testing.T) error {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-time.After(15 * time.Second):
		t.Fatal("Run does not end")
		return nil
	}
}

// ask sends a request and gives the status and the body of its answer.
func ask(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("dapr-api-token", token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
		return 0, ""
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(answer)
}

func TestRun(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	const event = `{"specversion":"1.0"}`
	for name, test := range map[string]struct {
		method, url, token, body string
		status                   int
		answer                   string
	}{
		"alive":                        {http.MethodGet, r.public + "/healthz", "", "", http.StatusOK, `{"alive":true}`},
		"ready":                        {http.MethodGet, r.public + "/readyz", "", "", http.StatusOK, `"ready":true`},
		"metrics":                      {http.MethodGet, r.public + "/metrics", "", "", http.StatusOK, ""},
		"description":                  {http.MethodGet, r.public + "/openapi.yaml", "", "", http.StatusOK, "openapi: 3.1.0\n"},
		"clients' route":               {http.MethodGet, r.public + "/users", "", "", http.StatusOK, "users"},
		"no route":                     {http.MethodGet, r.public + "/nothing", "", "", http.StatusNotFound, `"code":"no-such-route"`},
		"no method":                    {http.MethodPost, r.public + "/users", "", "", http.StatusMethodNotAllowed, `"code":"method-not-allowed"`},
		"the same without its body":    {http.MethodHead, r.public + "/users", "", "", http.StatusOK, ""},
		"an unclean path":              {http.MethodGet, r.public + "//users", "", "", http.StatusNotFound, `"code":"no-such-route"`},
		"another unclean path":         {http.MethodGet, r.public + "/x/../users", "", "", http.StatusNotFound, `"code":"no-such-route"`},
		"clients deliver no events":    {http.MethodPost, r.public + "/events/user-create", "secret", event, http.StatusNotFound, ""},
		"the sidecar delivers":         {http.MethodPost, r.events + "/events/user-create", "secret", event, http.StatusOK, "SUCCESS"},
		"nobody delivers without":      {http.MethodPost, r.events + "/events/user-create", "", event, http.StatusUnauthorized, ""},
		"a topic without a consumer":   {http.MethodPost, r.events + "/events/other", "secret", event, http.StatusServiceUnavailable, ""},
		"invoked by way of a sidecar":  {http.MethodGet, r.events + "/users", "", "", http.StatusOK, "users"},
		"no metrics for other sidecar": {http.MethodGet, r.events + "/metrics", "", "", http.StatusNotFound, ""},
	} {
		status, answer := ask(t, test.method, test.url, test.token, test.body)
		if status != test.status || !strings.Contains(answer, test.answer) {
			t.Errorf("%s: got %d %q, want %d %q", name, status, answer, test.status, test.answer)
		}
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}

// TestDrain: a request in flight and an event in flight are finished, with
// their background at work, and new ones are not accepted.
func TestDrain(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 2), make(chan struct{})
	background := make(chan string, 3)
	wait := func() {
		entered <- struct{}{}
		<-release
	}
	r := start(t, func(o *service.Options) {
		o.Routes = func(router *mux.Router) {
			router.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
				wait()
				background <- "request"
				fmt.Fprint(w, "done")
			})
		}
		o.Events = func(router *mux.Router) {
			sidecar.Routes(router, "secret", map[string]sidecar.Consumer{
				"user-create": func(ctx context.Context, _ []sidecar.Delivery) []error {
					wait()
					return []error{ctx.Err()}
				},
			})
		}
		o.Background = []func(context.Context){func(ctx context.Context) {
			<-ctx.Done()
			background <- "background"
		}}
	})
	answers := make(chan string, 2)
	go func() {
		_, answer := ask(t, http.MethodGet, r.public+"/slow", "", "")
		answers <- answer
	}()
	go func() {
		_, answer := ask(t, http.MethodPost, r.events+"/events/user-create", "secret", `{"specversion":"1.0"}`)
		answers <- strings.TrimSpace(answer)
	}()
	<-entered
	<-entered
	r.stop()
	r.logged(t, "draining")
	select {
	case err := <-r.done:
		t.Fatalf("ended with work in flight: %v", err)
	default:
	}
	close(release)
	got := []string{<-answers, <-answers}
	slices.Sort(got)
	if !slices.Equal(got, []string{"done", `{"status":"SUCCESS"}`}) {
		t.Errorf("answers %q", got)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	if first, second := <-background, <-background; first != "request" || second != "background" {
		t.Errorf("%s ended before %s", first, second)
	}
	if connection, err := net.Dial("tcp", strings.TrimPrefix(r.public, "http://")); err == nil {
		connection.Close()
		t.Error("still listening")
	}
}

// TestDrainIsBounded: what does not finish in time is cut off, and said.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	r := start(t, func(o *service.Options) {
		o.Settings.Drain = 10 * time.Millisecond
		o.Routes = func(router *mux.Router) {
			router.HandleFunc("/endless", func(http.ResponseWriter, *http.Request) {
				close(entered)
				<-release
			})
		}
	})
	go func() {
		response, err := http.Get(r.public + "/endless")
		if err == nil {
			response.Body.Close()
		}
	}()
	<-entered
	if err := r.end(t); err == nil || !strings.Contains(err.Error(), "drain") {
		t.Errorf("got %v, want an error of draining", err)
	}
}

// TestChunkedRequestIsTheLast: what follows it on its connection may be smuggled.
func TestChunkedRequestIsTheLast(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for body, last := range map[io.Reader]bool{strings.NewReader("x"): false, io.MultiReader(strings.NewReader("x")): true} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.public+"/users", body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.Close != last {
			t.Errorf("chunks %v: the connection is closed: %v", request.TransferEncoding, response.Close)
		}
	}
}
