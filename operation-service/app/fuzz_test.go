package app

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"registration.example/messages"
	"registration.example/operation-service/operation"
	"registration.example/service"
)

// FuzzDecodeName: what is accepted is what another reading of the same body gives.
func FuzzDecodeName(f *testing.F) {
	for body := range bodies() {
		f.Add([]byte(body))
	}
	f.Add([]byte(`{"name":"hans"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		name, err := decodeName(body)
		if err != nil {
			return
		}
		again, err := messages.Encode(messages.Event[messages.UserCreate]{Data: messages.UserCreate{Name: name}})
		if err != nil || bytes.Contains(again, []byte(`\ufffd`)) && !bytes.Contains(body, []byte("\ufffd")) && !bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`)) {
			t.Errorf("%q gives %q: %v", body, name, err)
		}
	})
}

// FuzzRequest reads whole requests: what is accepted keeps all that the service
// relies on, what is not is the client's fault, nothing panics.
func FuzzRequest(f *testing.F) {
	const good = `{"name":"hans"}`
	for _, seed := range [][7]string{
		{good, "application/json", "", "key", "wait=10", `"0123456789abcdef"`, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{good, "application/json; charset=utf-8", "identity", "", "", "*", ""},
		{good, "text/plain", "gzip", "\x00", "wait=99999999999999999999", `W/"x", "y"`, "00-0-0-0"},
		{`{"name":"\ud83e\udd94"}`, "application/json;;", "", strings.Repeat("k", 257), `foo; wait = "7", wait=8`, ",,", "ff-"},
	} {
		f.Add([]byte(seed[0]), seed[1], seed[2], seed[3], seed[4], seed[5], seed[6])
	}
	f.Fuzz(func(t *testing.T, body []byte, kind, coding, key, prefer, tags, trace string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/operations/user-create", bytes.NewReader(body))
		for name, value := range map[string]string{
			"Content-Type": kind, "Content-Encoding": coding, "Idempotency-Key": key, "Prefer": prefer, "If-None-Match": tags, "traceparent": trace,
		} {
			r.Header.Set(name, value)
		}
		name, err := readName(httptest.NewRecorder(), r)
		wantAccepted(t, err, operation.CheckName(name) == nil && carries(t, name))
		read, err := readKey(r)
		wantAccepted(t, err, read == key && len(key) > 0 && len(key) <= maxKeyLength)
		wait, err := readWait(r)
		wantAccepted(t, err, wait >= 0 && wait <= maxWait && wait%time.Second == 0)
		if parent := readTraceParent(r); parent != "" && (parent != trace || len(messages.TraceID(parent)) != 32) {
			t.Errorf("trace parent %q of %q", parent, trace)
		}
		if tag := `"0123456789abcdef"`; matches(r.Header.Values("If-None-Match"), tag) && !strings.Contains(tags, tag) && !strings.Contains(tags, "*") {
			t.Errorf("%s is among %q", tag, tags)
		}
	})
}

// wantAccepted checks that what was read is sound, or refused as the client's fault.
func wantAccepted(t *testing.T, err error, sound bool) {
	t.Helper()
	var problem *service.Problem
	switch {
	case err == nil && !sound:
		t.Error("accepted, but not sound")
	case err != nil && (!errors.As(err, &problem) || problem.Status < 400 || problem.Status > 499):
		t.Errorf("%v is not the client's fault", err)
	}
}

// carries tells whether a name comes back from the event that it is sent with.
func carries(t *testing.T, name string) bool {
	t.Helper()
	o := newOperation(name, "", time.Now(), time.Hour, "")
	record, err := messages.Encode(userCreate(o))
	if err != nil {
		t.Fatal(err)
	}
	event, err := messages.Decode[messages.UserCreate](record)
	if err != nil {
		t.Fatal(err)
	}
	return event.Data.Name == name
}
