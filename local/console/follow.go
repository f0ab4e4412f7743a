package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// lookInterval is how often the files are looked at for more.
	lookInterval = 100 * time.Millisecond
	// quiet is how long the same trouble is not told again.
	quiet = 10 * time.Second
)

// Follow shows on out what is appended to the files, which are named by
// process, from now on until ctx ends.
func Follow(ctx context.Context, out io.Writer, files map[string]string) error {
	var tails []*tail
	for process, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("follow %s: %w", process, err)
		}
		defer func() { _ = f.Close() }()
		if _, err := f.Seek(0, io.SeekEnd); err != nil {
			return fmt.Errorf("follow %s: %w", process, err)
		}
		tails = append(tails, &tail{process: process, file: f})
	}
	s := screen{told: make(map[string]time.Time)}
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			if err := s.show(out, now, tails); err != nil {
				return err
			}
		}
	}
}

// tail is the end of a file that grows.
type tail struct {
	process string
	file    io.Reader
	begun   string
}

// lines gives the lines that were finished since the last call.
func (t *tail) lines() ([]string, error) {
	more, err := io.ReadAll(t.file)
	if err != nil {
		return nil, fmt.Errorf("follow %s: %w", t.process, err)
	}
	lines := strings.Split(t.begun+string(more), "\n")
	t.begun = lines[len(lines)-1]
	return lines[:len(lines)-1], nil
}

// screen remembers what it told of late.
type screen struct{ told map[string]time.Time }

// show writes what there is to tell in the order of time, whichever file it
// came from, and the same trouble not again and again.
func (s *screen) show(out io.Writer, now time.Time, tails []*tail) error {
	var entries []Entry
	for _, t := range tails {
		lines, err := t.lines()
		if err != nil {
			return err
		}
		for _, line := range lines {
			e, ok := Parse(t.process, line)
			if !ok || e.Trouble && s.again(e.Text, now) {
				continue
			}
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Time.Compare(b.Time) })
	for _, e := range entries {
		if _, err := fmt.Fprintln(out, e); err != nil {
			return fmt.Errorf("show logs: %w", err)
		}
	}
	return nil
}

// again notes that something is told, and says whether it was a moment ago.
func (s *screen) again(text string, now time.Time) bool {
	for known, at := range s.told {
		if now.Sub(at) > quiet {
			delete(s.told, known)
		}
	}
	if _, ok := s.told[text]; ok {
		return true
	}
	s.told[text] = now
	return false
}
