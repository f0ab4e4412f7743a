// Package service is what every service needs around its own work: settings,
// life cycle, health, metrics, problem documents, and the handling of what
// topics bring. It knows no service.
package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of one client's request. Slow clients lose their connection.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 45 * time.Second // above the longest Prefer: wait
	idleTimeout       = 90 * time.Second
	maxHeaderBytes    = 16 << 10
)

// Options say what a service is.
type Options struct {
	Name     string
	Settings Settings
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Ready    *Readiness
	// OpenAPI is the description served at /openapi.yaml.
	OpenAPI []byte
	// Routes adds the routes for clients.
	Routes func(*mux.Router)
	// Events adds the routes for the sidecar, on the listener that only it reaches.
	Events func(*mux.Router)
	// Background runs beside the listeners until its context ends.
	Background []func(context.Context)
}

// Settings are those that every service has.
type Settings struct {
	Port         int
	AppHost      string
	AppPort      int
	AppToken     string
	Sidecar      string
	SidecarToken string
	CallTimeout  time.Duration
	Drain        time.Duration
	Attempts     int
	ProfilePort  int
	LogLevel     slog.Level
}

// ReadSettings reads what every service needs.
func ReadSettings(e *Environment, port int) Settings {
	s := Settings{
		Port:         e.Int("PORT", port, 1, 65535, "port for clients: REST, /healthz, /readyz, /metrics, /openapi.yaml"),
		AppHost:      e.String("APP_HOST", "127.0.0.1", "address on which the sidecar reaches this service"),
		AppPort:      e.Int("APP_PORT", port-4980, 1, 65535, "port on which the sidecar delivers events; set by dapr run"),
		AppToken:     e.Secret("APP_API_TOKEN", "token that the sidecar must send with events"),
		SidecarToken: e.Secret("DAPR_API_TOKEN", "token that the sidecar wants"),
	}
	grpcPort := e.Int("DAPR_GRPC_PORT", 50001, 1, 65535, "port of the sidecar's gRPC API; set by dapr run")
	s.Sidecar = net.JoinHostPort("127.0.0.1", fmt.Sprint(grpcPort))
	s.CallTimeout = e.Duration("CALL_TIMEOUT", 5*time.Second, "how long one call to the sidecar may take")
	s.Drain = e.Duration("DRAIN", 10*time.Second, "how long to finish what runs after SIGTERM")
	s.Attempts = e.Int("ATTEMPTS", 10, 1, 1000, "failures of one event alone before it is a dead letter")
	s.ProfilePort = e.Int("PROFILE_PORT", 0, 0, 65535, "port on 127.0.0.1 for /debug/pprof; 0 for none")
	s.LogLevel = e.Level("LOG_LEVEL", slog.LevelInfo, "least level that is logged: debug, info, warn, error")
	return s
}

// NewLogger logs JSON lines.
func NewLogger(out io.Writer, name string, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})).With("service", name)
}

// Run serves until ctx ends, then finishes the requests and events in flight.
func Run(ctx context.Context, o Options) error {
	if o.Settings.AppToken == "" {
		o.Logger.WarnContext(ctx, "APP_API_TOKEN is not set: every process of this host can deliver events", "address", o.Settings.AppHost)
	}
	public := clientServer(o)
	events := eventServer(o)
	publicListener, err := net.Listen("tcp", public.Addr)
	if err != nil {
		return fmt.Errorf("port for clients: %w", err)
	}
	// The sidecar begins to deliver when this port is open: routes are complete by now.
	eventsListener, err := net.Listen("tcp", events.Addr)
	if err != nil {
		_ = publicListener.Close()
		return fmt.Errorf("port for the sidecar: %w", err)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if o.Settings.ProfilePort > 0 {
		o.Background = append(o.Background, profile(o.Settings.ProfilePort, o.Logger))
	}
	for _, run := range append(o.Background, o.Ready.Run) {
		go run(background)
	}
	failed := make(chan error, 2)
	go func() { failed <- public.Serve(publicListener) }()
	go func() { failed <- events.Serve(eventsListener) }()
	o.Logger.InfoContext(ctx, "listening", "port", o.Settings.Port, "app_port", o.Settings.AppPort)

	select {
	case err = <-failed:
	case <-ctx.Done():
		o.Logger.InfoContext(ctx, "draining", "at_most", o.Settings.Drain.String())
		err = drain(o.Settings.Drain, public, events)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// drain closes the servers in order, clients first, and waits for what runs.
func drain(limit time.Duration, servers ...*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("drain %s: %w", server.Addr, err), server.Close())
		}
	}
	return errors.Join(errs...)
}

// ClientHandler is what clients, probes and Prometheus reach.
func ClientHandler(o Options) http.Handler {
	router := newRouter()
	router.HandleFunc("/healthz", alive).Methods(http.MethodGet, http.MethodHead)
	router.Handle("/readyz", o.Ready).Methods(http.MethodGet, http.MethodHead)
	router.Handle("/metrics", promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{})).Methods(http.MethodGet, http.MethodHead)
	if o.OpenAPI != nil {
		router.HandleFunc("/openapi.yaml", describe(o.OpenAPI)).Methods(http.MethodGet, http.MethodHead)
	}
	if o.Routes != nil {
		o.Routes(router)
	}
	return lastIfChunked(router)
}

// lastIfChunked closes the connection of a chunked request, since a length may
// have come beside the chunks (RFC 9112, section 6.1): net/http tells nobody,
// and would read on where a proxy in front of it sees the end of another body.
func lastIfChunked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func clientServer(o Options) *http.Server {
	return &http.Server{
		Addr:              net.JoinHostPort("", fmt.Sprint(o.Settings.Port)),
		Handler:           ClientHandler(o),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
}

// eventServer is what the sidecar reaches. The clients' routes are here too,
// for calls through Dapr's service invocation.
func eventServer(o Options) *http.Server {
	router := newRouter()
	if o.Events != nil {
		o.Events(router)
	}
	if o.Routes != nil {
		o.Routes(router)
	}
	return &http.Server{
		Addr:              net.JoinHostPort(o.Settings.AppHost, fmt.Sprint(o.Settings.AppPort)),
		Handler:           router,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10, // a record's headers come as headers
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
}

func newRouter() *mux.Router {
	router := mux.NewRouter().SkipClean(true) // an unclean path is no path, not another one
	router.NotFoundHandler = NotFound
	router.MethodNotAllowedHandler = MethodNotAllowed(router)
	return router
}

func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"alive":true}` + "\n"))
}

func describe(openAPI []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openAPI)
	}
}
