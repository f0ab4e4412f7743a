package experiment

import "sync"

// locks are held by who is at work on a target: one fault at a time, and no
// operator who starts what is meant to be down.
type locks struct {
	mu sync.Mutex
	of map[string]chan struct{}
}

func newLocks() *locks { return &locks{of: map[string]chan struct{}{}} }

// named is a channel that holds something while the lock is held.
func (l *locks) named(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[name] == nil {
		l.of[name] = make(chan struct{}, 1)
	}
	return l.of[name]
}

// take waits for a lock, and gives what releases it.
func (l *locks) take(name string) (release func()) {
	lock := l.named(name)
	lock <- struct{}{}
	return func() { <-lock }
}

// try takes a lock only if nobody holds it.
func (l *locks) try(name string) (release func(), ok bool) {
	lock := l.named(name)
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, true
	default:
		return nil, false
	}
}
