package app

import (
	"sync"

	"github.com/google/uuid"

	"registration.example/operation-service/operation"
)

// waiters are requests that wait for an operation to end.
type waiters struct {
	mu       sync.Mutex
	channels map[uuid.UUID]map[chan operation.Operation]bool
}

func newWaiters() *waiters {
	return &waiters{channels: map[uuid.UUID]map[chan operation.Operation]bool{}}
}

// join waits for an operation; the channel gets it when it has ended. leave
// must be called.
func (w *waiters) join(id uuid.UUID) (ended <-chan operation.Operation, leave func()) {
	channel := make(chan operation.Operation, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channels[id] == nil {
		w.channels[id] = map[chan operation.Operation]bool{}
	}
	w.channels[id][channel] = true
	return channel, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.channels[id], channel)
		if len(w.channels[id]) == 0 {
			delete(w.channels, id)
		}
	}
}

// tell wakes all who wait for an operation that has ended.
func (w *waiters) tell(o operation.Operation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for channel := range w.channels[o.UUID] {
		select {
		case channel <- o:
		default: // it was told already
		}
	}
}
