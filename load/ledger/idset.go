package ledger

import "github.com/google/uuid"

// generation is how many ids an idSet remembers at least.
const generation = 1 << 20

// idSet remembers the last one to two million ids, so that a run without end
// needs a bounded amount of memory.
type idSet struct {
	young, old map[uuid.UUID]struct{}
}

// add says whether id was not there yet.
func (s *idSet) add(id uuid.UUID) bool {
	if _, ok := s.old[id]; ok {
		return false
	}
	if _, ok := s.young[id]; ok {
		return false
	}
	if s.young == nil || len(s.young) >= generation {
		s.old, s.young = s.young, map[uuid.UUID]struct{}{}
	}
	s.young[id] = struct{}{}
	return true
}
