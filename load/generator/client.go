package generator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxBody is more than any document of these services.
const maxBody = 64 << 10

// client speaks the REST interface of both services. It parses no more of an
// answer than the ledger needs: it shares its processors with the system that
// it measures.
type client struct {
	transport  http.RoundTripper
	operations *url.URL
	users      *url.URL // nil: unknown
	timeout    time.Duration
}

func newClient(o Options) (*client, error) {
	operations, err := baseURL(o.Target)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	c := &client{transport: o.Transport, operations: operations, timeout: o.Timeout}
	if c.transport == nil {
		c.transport = newTransport()
	}
	if o.UsersTarget != "" {
		if c.users, err = baseURL(o.UsersTarget); err != nil {
			return nil, fmt.Errorf("users target: %w", err)
		}
	}
	return c, nil
}

func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http URL", s)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// newTransport keeps every connection it has opened: a load generator that
// opens one per request measures the opening.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 1 << 14,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}
}

// buffers holds bodies while they are read.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// request is one request to be sent.
type request struct {
	method  string
	url     *url.URL
	header  http.Header
	body    []byte
	timeout time.Duration
}

// at is the URL of a path below base.
func at(base *url.URL, path string) *url.URL {
	u := *base
	u.Path += path
	return &u
}

// do sends one request and hands its answer to read, which must keep nothing
// of the body.
func (c *client) do(ctx context.Context, q request, read func(*http.Response, []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	r := (&http.Request{Method: q.method, URL: q.url, Header: q.header, ContentLength: int64(len(q.body))}).WithContext(ctx)
	if q.body != nil {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.body)), nil }
		r.Body, _ = r.GetBody()
	}
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", q.method, q.url.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	buffer, _ := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if _, err := buffer.ReadFrom(io.LimitReader(response.Body, maxBody)); err != nil {
		return fmt.Errorf("%s %s: %w", q.method, q.url.Path, err)
	}
	return read(response, buffer.Bytes())
}
