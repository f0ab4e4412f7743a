package app

import (
	"context"

	"github.com/google/uuid"

	"registration.example/operation-service/operation"
	"registration.example/service"
)

// reader reads operations for clients, many at once: clients that poll would
// otherwise cost the sidecar more than their sagas.
type reader struct{ store store }

// lookup asks for an operation; when that is done it is what was found.
type lookup struct {
	id uuid.UUID
	kept
}

// handle reads a batch. Several requests may ask for one operation.
func (r *reader) handle(ctx context.Context, batch []*service.Task[lookup]) {
	var ids []uuid.UUID
	position := make(map[uuid.UUID]int, len(batch))
	for _, t := range batch {
		if _, ok := position[t.Value.id]; !ok {
			position[t.Value.id] = len(ids)
			ids = append(ids, t.Value.id)
		}
	}
	found, err := r.store.get(ctx, ids...)
	for _, t := range batch {
		if err == nil {
			t.Value.kept = found[position[t.Value.id]]
		}
		t.Finish(err)
	}
}

// read gives an operation, and whether there is one.
func (s *rest) read(ctx context.Context, id uuid.UUID) (operation.Operation, bool, error) {
	answer, err := s.reads.Do(ctx, lookup{id: id}, patience, errLate)
	return answer.Operation, answer.found, err
}
