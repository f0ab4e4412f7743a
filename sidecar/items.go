package sidecar

import (
	"bytes"

	dapr "github.com/dapr/go-sdk/client"
)

// items translates writes. Values carry no content type on purpose: JSON would
// be stored as a document, in which MongoDB evaluates a "$x".
func items(writes []Write, pending []int) []*dapr.SetStateItem {
	items := make([]*dapr.SetStateItem, len(pending))
	for i, p := range pending {
		w := writes[p]
		item := &dapr.SetStateItem{Key: w.Key, Value: escape(w.Value)}
		switch w.When {
		case IfAbsent:
			item.Options = &dapr.StateOptions{Concurrency: dapr.StateConcurrencyFirstWrite}
		case IfUnchanged:
			item.Etag = &dapr.ETag{Value: w.ETag}
			item.Options = &dapr.StateOptions{Concurrency: dapr.StateConcurrencyFirstWrite}
		case Always:
		}
		items[i] = item
	}
	return items
}

// escape keeps a value from being evaluated: state.mongodb writes by a pipeline,
// where a text that begins with "$" is a path. JSON begins with neither "$" nor
// the escape, and is stored as it is.
func escape(value []byte) []byte {
	if len(value) > 0 && (value[0] == '$' || value[0] == '\\') {
		return append([]byte{'\\'}, value...)
	}
	return value
}

func unescape(value []byte) []byte { return bytes.TrimPrefix(value, []byte{'\\'}) }
