package verdict

import (
	"fmt"

	"github.com/google/uuid"

	"registration.example/chaos/effects"
	"registration.example/load/ledger"
)

// Watch remembers every end that it was shown: an end never changes. The zero
// value is ready for use.
type Watch struct {
	ended   map[uuid.UUID]effects.Operation
	decided map[uuid.UUID]effects.User
	// Findings are the ends that changed.
	Findings []ledger.Finding
}

// See compares what is stored now with what was stored before.
func (w *Watch) See(now effects.Stored) {
	ended, decided := map[uuid.UUID]effects.Operation{}, map[uuid.UUID]effects.User{}
	for _, o := range now.Operations {
		if o.Ended() {
			ended[o.ID] = o
		}
	}
	for _, u := range now.Users {
		if u.Decided() {
			decided[u.ID] = u
		}
	}
	for id, before := range w.ended {
		if ended[id] != before {
			w.find(id, before.Data.Name, "operation was %+v, is %+v", before, ended[id])
		}
	}
	for id, before := range w.decided {
		if decided[id] != before {
			w.find(before.Operation, before.Name, "user was %+v, is %+v", before, decided[id])
		}
	}
	w.ended, w.decided = ended, decided
}

func (w *Watch) find(id uuid.UUID, name, format string, args ...any) {
	w.Findings = append(w.Findings, ledger.Finding{Kind: Regressed, Operation: id, Name: name, Detail: fmt.Sprintf(format, args...)})
}
