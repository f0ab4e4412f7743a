package app

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"registration.example/service"
)

// rest answers clients.
type rest struct {
	store    store
	logger   *slog.Logger
	problems *prometheus.CounterVec
}

func (s *rest) routes(router *mux.Router) {
	router.Handle("/users/{uuid}", service.Handle(s.logger, s.problems, s.get)).Methods(http.MethodGet, http.MethodHead)
}

// get answers GET /users/{uuid}.
func (s *rest) get(w http.ResponseWriter, r *http.Request) error {
	id, err := service.PathUUID(r, "uuid")
	if err != nil {
		return err
	}
	found, err := s.store.get(r.Context(), id)
	if err != nil {
		return err
	}
	if !found[0].found {
		return service.NewProblem(http.StatusNotFound, "unknown-user", fmt.Sprintf("There is no user %s.", id))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(found[0].User) // the client is gone if this fails
	return nil
}
