package generator

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"registration.example/load/ledger"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const anID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

// canned answers every request with one response and keeps the last request.
type canned struct {
	status  int
	header  http.Header
	body    string
	request *http.Request
	sent    string
}

// RoundTrip implements http.RoundTripper.
func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	c.request = r
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		c.sent = string(body)
	}
	return &http.Response{StatusCode: c.status, Header: c.header, Body: io.NopCloser(strings.NewReader(c.body))}, nil
}

func cannedClient(t *testing.T, c *canned) *client {
	t.Helper()
	rest, err := newClient(Options{
		Target: "http://operations.test/base/", UsersTarget: "http://users.test",
		Timeout: time.Minute, Transport: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

func TestCreate(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse(anID)
	tests := map[string]struct {
		canned canned
		want   answer
	}{
		"accepted": {
			canned: canned{status: 202, header: http.Header{"Location": {"/operations/" + anID}}},
			want:   answer{state: ledger.Accepted, id: id},
		},
		"accepted, id in the body only": {
			canned: canned{status: 202, body: `{"uuid":"` + anID + `"}`},
			want:   answer{state: ledger.Accepted, id: id},
		},
		"accepted without an id": {canned: canned{status: 202, body: "{}"}, want: answer{state: ledger.Refused}},
		"busy": {
			canned: canned{status: 503, header: http.Header{"Retry-After": {"2"}}},
			want:   answer{state: ledger.Rejected, retryAfter: 2 * time.Second},
		},
		"bad request": {canned: canned{status: 400, body: `{"title":"no name"}`}, want: answer{state: ledger.Refused}},
		"plain OK":    {canned: canned{status: 200}, want: answer{state: ledger.Refused}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cannedClient(t, &test.canned).create(t.Context(), `h"ans`, "key-1", 0)
			if (got.err == nil) != (test.want.state == ledger.Accepted) {
				t.Errorf("error %v", got.err)
			}
			got.err = nil
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			r := test.canned.request
			if r.URL.String() != "http://operations.test/base/operations/user-create" || test.canned.sent != `{"name":"h\"ans"}` ||
				r.Header.Get("Idempotency-Key") != "key-1" || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("sent %s %s %v", r.URL, test.canned.sent, r.Header)
			}
		})
	}
}

func TestReadOperation(t *testing.T) {
	t.Parallel()
	user := ledger.Seen{State: ledger.Completed, Approved: true, User: uuid.MustParse(anID)}
	tests := map[string]struct {
		canned canned
		want   ledger.Seen
		wrong  error // errors.ErrUnsupported stands for any
	}{
		"pending":       {canned: canned{status: 200, body: `{"state":"pending","data":{"name":"hans"}}`}, want: ledger.Seen{State: ledger.Accepted}},
		"completed":     {canned: canned{status: 200, body: `{"state":"completed","data":{"uuid":"` + anID + `","approved":true},"response":{"state":"completed"}}`}, want: user},
		"failed":        {canned: canned{status: 200, body: `{"state":"failed","data":{"uuid":null}}`}, want: ledger.Seen{State: ledger.Failed}},
		"unknown state": {canned: canned{status: 200, body: `{"state":"lost"}`}, wrong: errors.ErrUnsupported},
		"no JSON":       {canned: canned{status: 200, body: `<html>`}, wrong: errors.ErrUnsupported},
		"unknown":       {canned: canned{status: 404}, wrong: errNotFound},
		"away":          {canned: canned{status: 503}, wrong: errors.ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := cannedClient(t, &test.canned).operation(t.Context(), uuid.MustParse(anID), 30*time.Second)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (test.wrong == nil) || errors.Is(test.wrong, errNotFound) && !errors.Is(err, errNotFound) {
				t.Errorf("error %v, want %v", err, test.wrong)
			}
			if got := test.canned.request.Header.Get("Prefer"); got != "wait=30" {
				t.Errorf("Prefer: %q", got)
			}
		})
	}
}

func TestUserThatIsMissing(t *testing.T) {
	t.Parallel()
	got, err := cannedClient(t, &canned{status: 404}).user(t.Context(), uuid.MustParse(anID))
	if err != nil || got.Exists {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := cannedClient(t, &canned{status: 500}).user(t.Context(), uuid.MustParse(anID)); err == nil {
		t.Error("a 500 is no answer")
	}
}
