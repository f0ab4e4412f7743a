package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Limits of the services (service/service.go), with what a busy machine adds.
const (
	headersWithin = 5 * time.Second
	requestWithin = 10 * time.Second
	lateness      = 5 * time.Second
)

// served is how soon others are answered while somebody misbehaves.
const served = 10 * time.Second

// wire is a connection to the clients' port, without a client that behaves.
type wire struct {
	*net.TCPConn
	r *bufio.Reader
}

// dial connects to operation-service.
func dial(t *testing.T) *wire {
	t.Helper()
	own(t) // elsewhere a proxy may answer, in its own way
	u, err := url.Parse(target.operations)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := (&net.Dialer{Timeout: served}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{connection.(*net.TCPConn), bufio.NewReader(connection)}
	t.Cleanup(func() { _ = w.Close() })
	_ = w.SetDeadline(time.Now().Add(time.Minute))
	return w
}

// send writes raw bytes. A peer that has closed already is no fault of the test.
func (w *wire) send(format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}

// answer reads one answer; nil if the connection was closed without one.
func (w *wire) answer() *http.Response {
	response, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil // a peer that closes before it has read all resets its answer, too
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// trickle writes text, then one byte after the other, until the connection is
// closed. It gives how long that took.
func (w *wire) trickle(text string) time.Duration {
	begin := time.Now()
	w.send("%s", text)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, w)
	}()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-closed:
			return time.Since(begin)
		case <-tick.C:
			w.send("x")
		}
	}
}

const hans = `{"name": "hans"}`

// post is a request as bytes, with its body.
func post(body string, headers ...string) string {
	return "POST /operations/user-create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		strings.Join(append(headers, fmt.Sprintf("Content-Length: %d", len(body))), "\r\n") + "\r\n\r\n" + body
}

// wantServed checks that others are answered, and that sagas run.
func wantServed(t *testing.T) {
	t.Helper()
	begin := time.Now()
	await(t, create(t, "others").UUID)
	if took := time.Since(begin); took > served {
		t.Errorf("somebody else was served after %s, want %s", took, served)
	}
}
