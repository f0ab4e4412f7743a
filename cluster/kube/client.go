// Package kube asks a Kubernetes API server: plain requests with the few
// fields that the experiment reads. What people do is done with kubectl.
package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// ErrNotFound is what a request for an object that is not there fails with.
var ErrNotFound = errors.New("not found")

// Client sends requests to one API server.
type Client struct {
	server string
	http   *http.Client
}

// NewClient makes a client of the server (https://host:port) that trusts ca
// and shows certificate.
func NewClient(server string, ca *x509.Certificate, certificate tls.Certificate) *Client {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return &Client{server: server, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 8,
		},
	}}
}

// Get reads the object or list at path into out.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, "", nil, out)
}

// Create posts in to path and reads the answer into out, which may be nil.
func (c *Client) Create(ctx context.Context, path string, in, out any) error {
	return c.do(ctx, http.MethodPost, path, "application/json", in, out)
}

// Merge merges patch into the object at path.
func (c *Client) Merge(ctx context.Context, path string, patch any) error {
	return c.do(ctx, http.MethodPatch, path, "application/merge-patch+json", patch, nil)
}

func (c *Client) do(ctx context.Context, method, path, contentType string, in, out any) error {
	var body io.Reader
	if in != nil {
		content, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	if err := read(response, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func read(response *http.Response, out any) error {
	content, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode == http.StatusNotFound:
		return ErrNotFound
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(content))
	case out == nil:
		return nil
	}
	return json.Unmarshal(content, out)
}
