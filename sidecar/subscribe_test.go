package sidecar_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/mux"

	"registration.example/sidecar"
)

// answered is what the sidecar gets for a delivery.
type answered struct {
	Status int
	Body   string
}

// deliver posts a body to the routes of one topic, whose consumer answers errs.
func deliver(t *testing.T, topic, body string, header http.Header, errs ...error) (answered, []sidecar.Delivery) {
	t.Helper()
	var got []sidecar.Delivery
	router := mux.NewRouter()
	sidecar.Routes(router, "secret", map[string]sidecar.Consumer{
		"user-create": func(_ context.Context, batch []sidecar.Delivery) []error {
			got = batch
			return errs
		},
	})
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.EventsPath+topic, strings.NewReader(body))
	request.Header.Set("dapr-api-token", "secret")
	maps.Copy(request.Header, header)
	response := httptest.NewRecorder()
	router.ServeHTTP(response, request)
	return answered{response.Code, strings.TrimSpace(response.Body.String())}, got
}

var errEvent = errors.New("not now")

func TestDeliver(t *testing.T) {
	t.Parallel()
	const (
		event   = `{"specversion":"1.0","id":"1","data":{"name":"hans"}}`
		base64  = "eyJuYW1lIjoiaGFucyJ9" // {"name":"hans"}
		twoRaw  = `{"id":"b","topic":"user-create","entries":[{"entryId":"x","event":"` + base64 + `","contentType":"application/octet-stream","metadata":{"__key":"k1","__offset":"7"}},{"entryId":"y","event":"AP8="}]}`
		success = `{"status":"SUCCESS"}`
		retry   = `{"status":"RETRY"}`
	)
	for name, test := range map[string]struct {
		body   string
		header http.Header
		errs   []error
		want   []sidecar.Delivery
		answer string
	}{
		"bulk of raw records": {
			body: twoRaw, errs: []error{nil, nil},
			want:   []sidecar.Delivery{{Key: "k1", Record: []byte(`{"name":"hans"}`)}, {Record: []byte("\x00\xff")}},
			answer: `{"statuses":[{"entryId":"x","status":"SUCCESS"},{"entryId":"y","status":"SUCCESS"}]}`,
		},
		"bulk with one failure": {
			body: twoRaw, errs: []error{errEvent, nil},
			want:   []sidecar.Delivery{{Key: "k1", Record: []byte(`{"name":"hans"}`)}, {Record: []byte("\x00\xff")}},
			answer: `{"statuses":[{"entryId":"x","status":"RETRY"},{"entryId":"y","status":"SUCCESS"}]}`,
		},
		"bulk whose consumer forgets one": {
			body: twoRaw, errs: []error{nil},
			want:   []sidecar.Delivery{{Key: "k1", Record: []byte(`{"name":"hans"}`)}, {Record: []byte("\x00\xff")}},
			answer: `{"statuses":[{"entryId":"x","status":"SUCCESS"},{"entryId":"y","status":"RETRY"}]}`,
		},
		"bulk of CloudEvents": {
			body: `{"entries":[{"entryId":"x","event":` + event + `}]}`, errs: []error{nil},
			want:   []sidecar.Delivery{{Record: []byte(event)}},
			answer: `{"statuses":[{"entryId":"x","status":"SUCCESS"}]}`,
		},
		"bulk with empty records": {
			body: `{"entries":[{"entryId":"x","event":""},{"entryId":"y","event":null},{"entryId":"z"}]}`, errs: []error{nil, nil, nil},
			want:   []sidecar.Delivery{{Record: []byte{}}, {Record: []byte("null")}, {}},
			answer: `{"statuses":[{"entryId":"x","status":"SUCCESS"},{"entryId":"y","status":"SUCCESS"},{"entryId":"z","status":"SUCCESS"}]}`,
		},
		"bulk of nothing": {
			body: `{"entries":[]}`, want: []sidecar.Delivery{}, answer: `{"statuses":[]}`,
		},
		"single raw record": {
			body: `{"specversion":"1.0","data_base64":"` + base64 + `"}`, header: http.Header{"__key": {"k1"}}, errs: []error{nil},
			want: []sidecar.Delivery{{Key: "k1", Record: []byte(`{"name":"hans"}`)}}, answer: success,
		},
		"single raw record that is empty": {
			body: `{"specversion":"1.0","data_base64":""}`, errs: []error{nil},
			want: []sidecar.Delivery{{Record: []byte{}}}, answer: success,
		},
		"single CloudEvent": {
			body: event, errs: []error{nil}, want: []sidecar.Delivery{{Record: []byte(event)}}, answer: success,
		},
		"single that fails": {
			body: event, errs: []error{errEvent}, want: []sidecar.Delivery{{Record: []byte(event)}}, answer: retry,
		},
		"single that is forgotten": {
			body: event, want: []sidecar.Delivery{{Record: []byte(event)}}, answer: retry,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, got := deliver(t, "user-create", test.body, test.header, test.errs...)
			if diff := cmp.Diff(answered{http.StatusOK, test.answer}, answer); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("deliveries (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefused: whatever is wrong with a delivery, it must come again. The
// sidecar takes a 404 and a 2xx without statuses for an acknowledgement.
func TestRefused(t *testing.T) {
	t.Parallel()
	const event = `{"specversion":"1.0"}`
	for name, test := range map[string]struct {
		topic, body string
		token       []string
		status      int
	}{
		"no token":                {topic: "user-create", body: event, token: []string{}, status: http.StatusUnauthorized},
		"empty token":             {topic: "user-create", body: event, token: []string{""}, status: http.StatusUnauthorized},
		"wrong token":             {topic: "user-create", body: event, token: []string{"secreT"}, status: http.StatusUnauthorized},
		"longer token":            {topic: "user-create", body: event, token: []string{"secret2"}, status: http.StatusUnauthorized},
		"empty body":              {topic: "user-create", status: http.StatusBadRequest},
		"not JSON":                {topic: "user-create", body: "hello", status: http.StatusBadRequest},
		"cut off":                 {topic: "user-create", body: `{"entries":[`, status: http.StatusBadRequest},
		"null":                    {topic: "user-create", body: "null", status: http.StatusBadRequest},
		"a list":                  {topic: "user-create", body: "[]", status: http.StatusBadRequest},
		"neither event nor bulk":  {topic: "user-create", body: `{"hello":"world"}`, status: http.StatusBadRequest},
		"entries of another kind": {topic: "user-create", body: `{"entries":7}`, status: http.StatusBadRequest},
		"entry with bad base64":   {topic: "user-create", body: `{"entries":[{"event":"*"}]}`, status: http.StatusBadRequest},
		"bad base64":              {topic: "user-create", body: `{"specversion":"1.0","data_base64":"*"}`, status: http.StatusBadRequest},
		"too large":               {topic: "user-create", body: strings.Repeat(" ", 17<<20), status: http.StatusBadRequest},
		"topic without consumer":  {topic: "user-approve", body: event, status: http.StatusServiceUnavailable},
		"no topic":                {topic: "", body: event, status: http.StatusServiceUnavailable},
		"path below a topic":      {topic: "user-create/x", body: event, status: http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			if test.token != nil {
				header["Dapr-Api-Token"] = test.token
			}
			answer, got := deliver(t, test.topic, test.body, header, nil)
			if answer.Status != test.status || got != nil {
				t.Errorf("got %+v and deliveries %v, want status %d", answer, got, test.status)
			}
			if strings.Contains(answer.Body, "secret") {
				t.Errorf("the answer tells the token: %s", answer.Body)
			}
		})
	}
}

func TestOtherMethodIsRefused(t *testing.T) {
	t.Parallel()
	router := mux.NewRouter()
	sidecar.Routes(router, "", map[string]sidecar.Consumer{"user-create": nil})
	response := httptest.NewRecorder()
	router.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, sidecar.EventsPath+"user-create", http.NoBody))
	if response.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", response.Code)
	}
}

func TestNoTokenWanted(t *testing.T) {
	t.Parallel()
	router := mux.NewRouter()
	sidecar.Routes(router, "", map[string]sidecar.Consumer{
		"user-create": func(context.Context, []sidecar.Delivery) []error { return []error{nil} },
	})
	response := httptest.NewRecorder()
	router.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodPost,
		sidecar.EventsPath+"user-create", strings.NewReader(`{"specversion":"1.0"}`)))
	if response.Code != http.StatusOK || response.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d, headers %v", response.Code, response.Header())
	}
}
