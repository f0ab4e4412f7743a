package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
)

// profile serves Go's profiles to this host until its context ends.
func profile(port int, logger *slog.Logger) func(context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), Handler: mux, ReadHeaderTimeout: readHeaderTimeout}
	return func(ctx context.Context) {
		context.AfterFunc(ctx, func() { _ = server.Close() })
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			logger.ErrorContext(ctx, "no profiles", "error", err)
		}
	}
}
