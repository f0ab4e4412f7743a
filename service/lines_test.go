package service_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"registration.example/service"
)

// output counts the calls that wrote to it.
type output struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
	slow   time.Duration
}

func (o *output) Write(p []byte) (int, error) {
	<-time.After(o.slow)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes++
	return o.text.Write(p)
}

func (o *output) got() (text string, writes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.writes
}

func TestLinesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &output{}
		lines := service.NewLines(out)
		defer lines.Close()
		for i := range 100 {
			_, _ = fmt.Fprintf(lines, "line %d\n", i)
		}
		<-time.After(10 * time.Millisecond)
		text, writes := out.got()
		if n := strings.Count(text, "\n"); n != 100 || writes > 2 {
			t.Errorf("%d lines with %d writes", n, writes)
		}
	})
}

// TestNoLineIsDropped: not at the end, not when the log is slow, not after it.
func TestNoLineIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &output{slow: time.Second}
		lines := service.NewLines(out)
		line := strings.Repeat("x", 1<<16-1) + "\n"
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for range 25 {
					_, _ = lines.Write([]byte(line))
				}
			})
		}
		writers.Wait()
		lines.Close()
		_, _ = lines.Write([]byte("late\n"))
		text, _ := out.got()
		if n := strings.Count(text, line); n != 100 || !strings.HasSuffix(text, "late\n") {
			t.Errorf("%d of 100 lines", n)
		}
	})
}
