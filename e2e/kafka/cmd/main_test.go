package main

import (
	"maps"
	"testing"
)

func TestTopics(t *testing.T) {
	t.Parallel()
	tests := map[string]topics{
		"a:1":      {"a": 1},
		"a:1,b:12": {"a": 1, "b": 12},
		"":         nil,
		"a":        nil,
		"a:0":      nil,
		":1":       nil,
		"a:1,":     nil,
		"a:1:2":    nil,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var got topics
			err := got.Set(text)
			switch {
			case want == nil && err == nil:
				t.Errorf("got %v, want an error", got)
			case want != nil && (err != nil || !maps.Equal(got, want)):
				t.Errorf("got %v and %v, want %v", got, err, want)
			case want != nil && got.String() != text:
				t.Errorf("written again: got %s", got)
			}
		})
	}
}
