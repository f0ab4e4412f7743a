package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// environment is one with these variables only.
func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env   map[string]string
		args  []string
		again string
		out   string // how the name of the verdict's file ends
	}{
		"defaults": {
			env:   map[string]string{"SEED": "7"},
			again: "make chaos PROFILE=embedded SEED=7 DURATION=3m0s RATE=20",
			out:   "/.local/chaos/embedded-7.json",
		},
		"environment": {
			env:   map[string]string{"PROFILE": "kafka", "SEED": "1", "DURATION": "4m", "RATE": "12.5"},
			again: "make chaos PROFILE=kafka SEED=1 DURATION=4m0s RATE=12.5",
			out:   "/.local/chaos/kafka-1.json",
		},
		"flags win": {
			env: map[string]string{"SEED": "1", "RATE": "50"}, args: []string{"-seed", "2", "-out", "x.json"},
			again: "make chaos PROFILE=embedded SEED=2 DURATION=3m0s RATE=50",
			out:   "x.json",
		},
		"soak": {
			env:   map[string]string{"SOAK": "2h", "SEED": "3"},
			again: "make chaos PROFILE=embedded SEED=3 DURATION=10m0s RATE=20",
			out:   "/.local/soak",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := readSettings(test.args, environment(test.env), io.Discard)
			if err != nil || s.again() != test.again || !strings.HasSuffix(filepath.ToSlash(s.out), test.out) {
				t.Errorf("got %q and %s, %v", s.again(), s.out, err)
			}
		})
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"number":   {env: map[string]string{"SEED": "x"}},
		"argument": {args: []string{"soak"}},
		"duration": {args: []string{"-duration", "10s"}},
		"profile":  {args: []string{"-profile", "moon", "-seed", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said strings.Builder
			if status := start(t.Context(), test.args, environment(test.env), io.Discard, &said); status != statusUsage || said.Len() == 0 {
				t.Errorf("status %d, said %q", status, said.String())
			}
		})
	}
}

// A drawn seed is one that can be given.
func TestDrawnSeed(t *testing.T) {
	t.Parallel()
	s, err := readSettings(nil, environment(nil), io.Discard)
	if err != nil || s.Seed == 0 {
		t.Errorf("got seed %d, %v", s.Seed, err)
	}
}

// Every round has a seed and a file of its own, and a bad one is not the last.
func TestSoak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rounds []bool
		err    error
		ok     bool
	}{
		"fine":       {rounds: []bool{true, true, true}, ok: true},
		"one is bad": {rounds: []bool{true, false, true}},
		"no verdict": {rounds: []bool{true, true, true}, err: errors.New("no broker"), ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := settings{soak: 25 * time.Minute, out: "verdicts"}
				s.Seed, s.Profile, s.Out = 5, "embedded", io.Discard
				seeds, files := map[uint64]bool{}, map[string]bool{}
				ok, err := soak(t.Context(), s, func(_ context.Context, s settings) (bool, error) {
					<-time.After(10 * time.Minute)
					seeds[s.Seed], files[s.out] = true, true
					return test.rounds[len(seeds)-1], test.err
				})
				if ok != test.ok || !errors.Is(err, test.err) || len(seeds) != 3 || len(files) != 3 {
					t.Errorf("ok %t, %v after %d seeds in %d files", ok, err, len(seeds), len(files))
				}
			})
		})
	}
}
