package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"registration.example/messages"
)

// TestEventsAreNotForClients delivers to subscriber routes in ways that only
// the sidecar may, or nobody.
func TestEventsAreNotForClients(t *testing.T) {
	t.Parallel()
	s := own(t)
	for app, topic := range map[string]messages.Topic{
		userService: messages.UserCreateTopic, approvalService: messages.UserApproveTopic, operationService: messages.UserCreateResponseTopic,
	} {
		path := "/events/" + string(topic)
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if response, answer := call(t, method, s.URL(app)+path, `{"entries":[]}`); response.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s on the clients' port of %s: %s: %s", method, path, app, response.Status, answer)
			}
			want := http.StatusServiceUnavailable // never 404, which would acknowledge
			if method == http.MethodPost {
				want = http.StatusUnauthorized
			}
			if response, answer := call(t, method, s.EventsURL(app)+path, `{"entries":[]}`, "dapr-api-token", "guess"); response.StatusCode != want {
				t.Errorf("%s %s on the sidecar's port of %s: %s, want %d: %s", method, path, app, response.Status, want, answer)
			}
		}
	}
}

// TestKeysAreNotAWayIn abuses the Idempotency-Key.
func TestKeysAreNotAWayIn(t *testing.T) {
	t.Parallel()
	own(t)
	other := await(t, create(t, "other").UUID)
	for _, key := range []string{other.UUID.String(), "$ne", "a||b", "../x", `"`, "*", "%00", strings.Repeat("k", 256)} {
		o := create(t, "key", "Idempotency-Key", key)
		if o.UUID == other.UUID || o.UUID != messages.OperationID(key) {
			t.Errorf("key %q gave operation %s", key, o.UUID)
		}
	}
	for _, header := range []string{
		"Idempotency-Key:", "Idempotency-Key: " + strings.Repeat("k", 257), "Idempotency-Key: a\r\nIdempotency-Key: b", "Idempotency-Key: \xff", "Idempotency-Key: ключ",
	} {
		w := dial(t)
		w.send("%s", post(hans, header))
		if response := w.answer(); response == nil || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%.40q was answered %v", header, response)
		}
	}
}

// TestOneKeyForManyRequests: of different requests with one key at once, one is
// accepted, and stays.
func TestOneKeyForManyRequests(t *testing.T) {
	t.Parallel()
	key := uuid.NewString()
	var mu sync.Mutex
	names := map[string]bool{}
	var all sync.WaitGroup
	for i := range 50 {
		w := dial(t)
		all.Go(func() {
			name := fmt.Sprintf("name %d", i%10)
			w.send("%s", post(`{"name": "`+name+`"}`, "Idempotency-Key: "+key))
			switch response := w.answer(); {
			case response == nil:
				t.Error("no answer")
			case response.StatusCode == http.StatusAccepted:
				mu.Lock()
				defer mu.Unlock()
				names[name] = true
			case response.StatusCode != http.StatusUnprocessableEntity:
				t.Errorf("answered %s", response.Status)
			}
		})
	}
	all.Wait()
	o := await(t, messages.OperationID(key))
	if len(names) != 1 || !names[o.Data.Name] {
		t.Errorf("accepted names %v of operation %+v", names, o)
	}
	wantUser(t, o, "approved")
}

// TestPathsAndMethods: what is not there is a problem document, whoever asks.
func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodPost, "//operations/user-create", http.StatusNotFound, ""},
		{http.MethodPost, "/operations//user-create", http.StatusNotFound, ""},
		{http.MethodGet, "/x/../healthz", http.StatusNotFound, ""},
		{http.MethodPut, "/operations/user-create", http.StatusMethodNotAllowed, "GET, HEAD, POST"},
		{http.MethodDelete, "/operation/create/user-create", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPost, "/healthz", http.StatusMethodNotAllowed, "GET, HEAD"},
		{"BREW", "/healthz", http.StatusMethodNotAllowed, "GET, HEAD"},
		{http.MethodHead, "/healthz", http.StatusOK, ""},
		{http.MethodHead, "/openapi.yaml", http.StatusOK, ""},
		{http.MethodHead, "/operations/" + uuid.NewString(), http.StatusNotFound, ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, target.operations+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		problem := response.Header.Get("Content-Type") == "application/problem+json"
		if response.StatusCode != c.status || response.Header.Get("Allow") != c.allow || problem != (c.status >= 400) {
			t.Errorf("%s %s: %s, %v", c.method, c.path, response.Status, response.Header)
		}
	}
}
