package service

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Environment reads settings from environment variables and remembers what it
// was asked for, so that -h and the log can show the whole surface.
type Environment struct {
	lookup   func(string) (string, bool)
	settings []setting
	errs     []string
}

type setting struct {
	name, fallback, value, meaning string
	secret                         bool
}

// NewEnvironment reads through lookup, which is os.LookupEnv in main.
func NewEnvironment(lookup func(string) (string, bool)) *Environment {
	return &Environment{lookup: lookup}
}

// String reads a text.
func (e *Environment) String(name, fallback, meaning string) string {
	return e.read(name, fallback, meaning, false)
}

// Secret reads a text that is never printed.
func (e *Environment) Secret(name, meaning string) string {
	return e.read(name, "", meaning, true)
}

// Int reads a number in [low, high].
func (e *Environment) Int(name string, fallback, low, high int, meaning string) int {
	text := e.read(name, strconv.Itoa(fallback), meaning, false)
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		e.fail(name, text, fmt.Sprintf("want a number from %d to %d", low, high))
		return fallback
	}
	return n
}

// Duration reads a span of time, such as 200ms.
func (e *Environment) Duration(name string, fallback time.Duration, meaning string) time.Duration {
	text := e.read(name, fallback.String(), meaning, false)
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		e.fail(name, text, "want a duration such as 200ms or 1h")
		return fallback
	}
	return d
}

// Level reads a log level.
func (e *Environment) Level(name string, fallback slog.Level, meaning string) slog.Level {
	text := e.read(name, fallback.String(), meaning, false)
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		e.fail(name, text, "want debug, info, warn or error")
		return fallback
	}
	return level
}

func (e *Environment) read(name, fallback, meaning string, secret bool) string {
	value, set := e.lookup(name)
	if !set || value == "" {
		value = fallback
	}
	e.settings = append(e.settings, setting{name: name, fallback: fallback, value: value, meaning: meaning, secret: secret})
	return value
}

// Reject adds an error about a setting that was read.
func (e *Environment) Reject(name, value string, err error) { e.fail(name, value, err.Error()) }

func (e *Environment) fail(name, value, want string) {
	e.errs = append(e.errs, fmt.Sprintf("%s=%q: %s", name, value, want))
}

// Err says which settings could not be read, if any.
func (e *Environment) Err() error {
	if len(e.errs) == 0 {
		return nil
	}
	return fmt.Errorf("configuration: %s", strings.Join(e.errs, "; "))
}

// Usage writes every setting with its default and meaning.
func (e *Environment) Usage(w io.Writer, about string) {
	fmt.Fprintf(w, "%s\n\nIt is configured by its environment:\n", about)
	for _, s := range e.settings {
		fallback := s.fallback
		if fallback == "" {
			fallback = "none"
		}
		fmt.Fprintf(w, "  %-20s %s (default %s)\n", s.name, s.meaning, fallback)
	}
}

// LogValue shows every setting, secrets masked. It implements slog.LogValuer.
func (e *Environment) LogValue() slog.Value {
	attrs := make([]slog.Attr, len(e.settings))
	for i, s := range e.settings {
		value := s.value
		if s.secret && value != "" {
			value = "***"
		}
		attrs[i] = slog.String(s.name, value)
	}
	return slog.GroupValue(attrs...)
}
