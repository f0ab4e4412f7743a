package service

import (
	"io"
	"sync"
	"time"
)

const (
	// linesTogether is how long lines wait for company. It is what a crash can
	// cost of the log, and nobody who reads along notices it.
	linesTogether = 5 * time.Millisecond
	// linesWaiting bounds the bytes that wait: who logs more waits, too.
	linesWaiting = 1 << 20
)

// Lines writes a log to where it belongs, many lines with one system call:
// written one by one they cost more than being made. None is dropped. It is
// safe for concurrent use.
type Lines struct {
	out io.Writer

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	closed  bool
	done    chan struct{}
}

// NewLines begins to write to out. Close writes what still waits.
func NewLines(out io.Writer) *Lines {
	l := &Lines{out: out, done: make(chan struct{})}
	l.changed.L = &l.mu
	go l.run()
	return l
}

// Write implements io.Writer.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > linesWaiting && !l.closed {
		l.changed.Wait()
	}
	if l.closed {
		return l.out.Write(line)
	}
	if len(l.waiting) == 0 {
		l.changed.Broadcast()
	}
	l.waiting = append(l.waiting, line...)
	return len(line), nil
}

// Close writes what waits. Later lines are written at once.
func (l *Lines) Close() {
	l.mu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	<-l.done
}

// run writes what has come together, until the end.
func (l *Lines) run() {
	defer close(l.done)
	var writing []byte
	for {
		l.mu.Lock()
		for len(l.waiting) == 0 && !l.closed {
			l.changed.Wait()
		}
		closed := l.closed
		l.mu.Unlock()
		if !closed {
			time.Sleep(linesTogether)
		}
		l.mu.Lock()
		writing, l.waiting = l.waiting, writing[:0]
		closed = l.closed && len(writing) == 0
		l.changed.Broadcast()
		l.mu.Unlock()
		_, _ = l.out.Write(writing) // where logs cannot be written, nobody can be told
		if closed {
			return
		}
	}
}
