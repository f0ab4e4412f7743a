package openapitest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// Handler gives next with each of its answers checked: t fails where one is
// not as it is described.
func (d *Description) Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent bytes.Buffer
		r.Body = tee(r.Body, &sent)
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		_, _ = io.Copy(&sent, r.Body) // what next did not read
		if err := d.Check(r, sent.Bytes(), recorder.Result(), recorder.Body.Bytes()); err != nil {
			t.Error(err)
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
}

// RoundTripper gives next with each answer that it brings checked.
func (d *Description) RoundTripper(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		var sent []byte
		if r.Body != nil && r.Body != http.NoBody {
			var err error
			if sent, err = io.ReadAll(r.Body); err != nil {
				return nil, fmt.Errorf("read the request to %s: %w", r.URL, err)
			}
			_ = r.Body.Close()
			r = r.Clone(r.Context())
			r.Body = io.NopCloser(bytes.NewReader(sent))
		}
		answer, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read the answer of %s: %w", r.URL, err)
		}
		if err := d.Check(r, sent, answer, body); err != nil {
			t.Error(err)
		}
		return withAnswer(answer, body), nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Main runs a package's tests and fails if they, when all were run, did not
// produce every response that is described. It gives the exit status.
func (d *Description) Main(m *testing.M) int {
	if d.err != nil {
		fmt.Fprintln(os.Stderr, d.err)
		return 1
	}
	status := m.Run()
	if status != 0 || !all() {
		return status
	}
	for _, response := range d.Unseen() {
		fmt.Fprintf(os.Stderr, "no test produced the described response %s\n", response)
		status = 1
	}
	return status
}

// all tells whether all tests were run: none was selected.
func all() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}

// tee gives body, and keeps in sent what is read of it.
func tee(body io.ReadCloser, sent *bytes.Buffer) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, sent), body}
}

func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	return r
}

func withAnswer(answer *http.Response, body []byte) *http.Response {
	again := *answer
	again.Body = io.NopCloser(bytes.NewReader(body))
	return &again
}
