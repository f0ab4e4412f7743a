package sidecar

import (
	"encoding/json"
	"testing"
)

// FuzzDecodeEnvelope: nothing panics, and each delivery gets one status that
// acknowledges it only if its consumer said so.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, body := range []string{
		"", "null", "{}", `{"specversion":"1.0","data":{}}`, `{"specversion":"1.0","data_base64":"AP8="}`, `{"entries":[]}`,
		`{"entries":[{"entryId":"x","event":"AP8=","metadata":{"__key":"k"}},{"entryId":"y","event":{"specversion":"1.0"}},{"event":null}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decodeEnvelope(body)
		if err != nil {
			return
		}
		if e.bulk && len(e.ids) != len(e.deliveries) || !e.bulk && len(e.deliveries) != 1 {
			t.Fatalf("%d ids and %d deliveries, bulk: %v", len(e.ids), len(e.deliveries), e.bulk)
		}
		answer, err := json.Marshal(e.answer(make([]error, len(e.deliveries)/2)))
		if err != nil {
			t.Fatal(err)
		}
		var statuses struct{ Statuses []entryStatus }
		if err := json.Unmarshal(answer, &statuses); err != nil {
			t.Fatal(err)
		}
		if len(statuses.Statuses) != len(e.ids) {
			t.Fatalf("%d statuses for %d entries", len(statuses.Statuses), len(e.ids))
		}
		for i, entry := range statuses.Statuses {
			if want := i < len(e.deliveries)/2; (entry.Status == success) != want || entry.Status != success && entry.Status != retry {
				t.Fatalf("entry %d: status %q, acknowledged: %v", i, entry.Status, want)
			}
		}
	})
}
