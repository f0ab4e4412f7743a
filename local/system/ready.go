package system

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// probeTimeout bounds one look at /readyz.
	probeTimeout = 2 * time.Second
	// patience is kept before what is still missing is told, and between tellings.
	patience = 3 * time.Second
	// tailLines are shown of the log of what failed.
	tailLines = 8
)

// Ready returns when every service says that it is ready.
func (s *System) Ready(ctx context.Context) error {
	return poll(ctx, s.o.ReadyTimeout, func() error { return s.notReady(ctx) })
}

// becomeReady waits for processes and services, and tells what is missing.
func (s *System) becomeReady(ctx context.Context) error {
	told, last := time.Now(), ""
	return poll(ctx, s.o.ReadyTimeout, func() error {
		s.adopt()
		if err := s.failed(); err != nil {
			return final{err}
		}
		err := s.allStarted()
		if err == nil {
			err = s.notReady(ctx)
		}
		if err != nil && err.Error() != last && time.Since(told) > patience {
			told, last = time.Now(), err.Error()
			s.say("Waiting: %s", last)
		}
		return err
	})
}

// allStarted says which process is not there yet.
func (s *System) allStarted() error {
	for _, app := range s.Apps() {
		for _, name := range []string{app + SidecarSuffix, app} {
			if s.member(name) == nil {
				return fmt.Errorf("%s is not started yet", name)
			}
		}
	}
	return nil
}

// ReadyOne says what a service or a replica still misses, nil if nothing.
func (s *System) ReadyOne(ctx context.Context, name string) error {
	return probe(ctx, s.URL(name))
}

// notReady says what the services still miss, in their own words.
func (s *System) notReady(ctx context.Context) error {
	var missing []string
	for _, app := range s.Apps() {
		if err := s.ReadyOne(ctx, app); err != nil {
			missing = append(missing, app+": "+err.Error())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.New(strings.Join(missing, "; "))
}

// probe asks one service.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return errors.New("does not answer yet")
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Parts []struct {
			Name, Reason string
			OK           bool
		}
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	if response.StatusCode == http.StatusOK {
		return nil
	}
	if err != nil {
		return fmt.Errorf("answers %s", response.Status)
	}
	for _, part := range answer.Parts {
		if !part.OK {
			return fmt.Errorf("%s: %s", part.Name, part.Reason)
		}
	}
	return errors.New("not ready, for no reason given")
}

// exited is what the CLI writes to a log when the process behind it ended.
const exited = "exited with error code"

// failed finds a process that ended at its start. The CLI itself goes on
// without it, and says so in log files only.
func (s *System) failed() error {
	select {
	case <-s.cli.Done():
		return fmt.Errorf("dapr run ended%s", lastLines(s.Log("dapr")))
	default:
	}
	for _, app := range s.Apps() {
		for _, name := range []string{app + SidecarSuffix, app} {
			if s.ended(name) {
				return fmt.Errorf("%s ended at its start%s", name, lastLines(s.Log(name)))
			}
		}
	}
	return nil
}

// ended looks at a process, or for what the CLI wrote about one that was gone
// before anybody saw it.
func (s *System) ended(name string) bool {
	if m := s.member(name); m != nil {
		select {
		case <-m.current().Done():
			return true
		default:
			return false
		}
	}
	content, err := os.ReadFile(s.cliLog(name))
	return err == nil && strings.Contains(string(content), exited)
}

// lastLines gives the end of a log, to be put behind a message.
func lastLines(file string) string {
	content, err := os.ReadFile(file)
	if err != nil || len(content) == 0 {
		return ", and left no log"
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	lines = slices.Clone(lines[max(0, len(lines)-tailLines):])
	return fmt.Sprintf(". The end of %s:\n  %s", file, strings.Join(lines, "\n  "))
}
