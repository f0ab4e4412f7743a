package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"registration.example/messages"
)

// TestSlowClientsLoseTheirConnection sends headers and bodies byte by byte, on
// many connections at once.
func TestSlowClientsLoseTheirConnection(t *testing.T) {
	t.Parallel()
	own(t)
	var all sync.WaitGroup
	for name, slow := range map[string]struct {
		begin string
		limit time.Duration
	}{
		"nothing at all": {"", headersWithin},
		"request line":   {"GET /operations/", headersWithin},
		"headers":        {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ", headersWithin},
		"body":           {strings.TrimSuffix(post(strings.Repeat(" ", 1000)), strings.Repeat(" ", 1000)) + `{"name": "`, requestWithin},
		"chunks":         {"POST /operations/user-create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n", requestWithin},
	} {
		for range 40 {
			w := dial(t)
			all.Go(func() {
				if took := w.trickle(slow.begin); took > slow.limit+lateness {
					t.Errorf("%s: the connection was closed after %s, want %s", name, took, slow.limit)
				}
			})
		}
	}
	wantServed(t)
	all.Wait()
	wantServed(t)
}

// TestOversizedRequestsAreRefused sends more than may be sent, with and without
// saying so before.
func TestOversizedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	const megabyte = 1 << 20
	huge := strings.Repeat("x", megabyte)
	begin := "POST /operations/user-create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"body":              {post(`{"name": "` + huge + `"}`), http.StatusRequestEntityTooLarge},
		"chunks":            {begin + "Transfer-Encoding: chunked\r\n\r\n100000\r\n" + huge + "\r\n0\r\n\r\n", http.StatusRequestEntityTooLarge},
		"announced":         {begin + "Content-Length: 9223372036854775807\r\n\r\n" + huge, http.StatusRequestEntityTooLarge},
		"more than a word":  {begin + "Content-Length: 9223372036854775808\r\n\r\n" + huge, http.StatusBadRequest},
		"header":            {"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Huge: " + huge + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"many headers":      {"GET /healthz HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-Many: x\r\n", 100_000) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"path":              {"GET /" + huge + " HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"chunk's extension": {begin + "Transfer-Encoding: chunked\r\n\r\n1;" + huge + "\r\n{\r\n0\r\n\r\n", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := dial(t)
			go w.send("%s", c.request) // the peer need not read all of it
			if response := w.answer(); response != nil && response.StatusCode != c.status {
				t.Errorf("answered %s, want %d", response.Status, c.status)
			}
			if _, err := w.r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
	wantServed(t)
}

// TestHalfClosedConnections: who sends no more still reads its answer, which
// never says more than is true.
func TestHalfClosedConnections(t *testing.T) {
	t.Parallel()
	own(t)
	id := create(t, "half").UUID
	for range 50 {
		for name, c := range map[string]struct{ request, want string }{
			"get":          {"GET /operations/" + id.String() + " HTTP/1.1\r\nHost: x\r\n\r\n", id.String()},
			"get and wait": {"GET /operations/" + uuid.NewString() + " HTTP/1.1\r\nHost: x\r\nPrefer: wait=20\r\n\r\n", "unknown-operation"},
			"post":         {post(hans), `"state":"`},
		} {
			w := dial(t)
			w.send("%s", c.request)
			_ = w.CloseWrite()
			response := w.answer()
			if response == nil {
				t.Errorf("%s: no answer", name)
				continue
			}
			body, _ := io.ReadAll(response.Body)
			if refused := response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != ""; !refused && !strings.Contains(string(body), c.want) {
				t.Errorf("%s: answered %s %q", name, response.Status, body)
			}
		}
		w := dial(t)
		w.send("%s", strings.TrimSuffix(post(hans), `"}`))
		_ = w.CloseWrite()
		if response := w.answer(); response != nil && response.StatusCode != http.StatusBadRequest {
			t.Errorf("half a body: answered %s", response.Status)
		}
	}
	wantServed(t)
}

// TestGarbageIsRefused sends what is no HTTP, alone and behind good requests.
func TestGarbageIsRefused(t *testing.T) {
	t.Parallel()
	own(t)
	const good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	begin := "POST /operations/user-create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, garbage := range map[string]string{
		"bytes":                "\x00\x01\x02\xff\xfe\r\n\r\n",
		"TLS":                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 64) + "\r\n\r\n",
		"HTTP/2":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"another version":      "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
		"no host":              "GET /healthz HTTP/1.1\r\n\r\n",
		"two hosts":            "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"a header's name":      "GET /healthz HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n",
		"a header's value":     "GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
		"two lengths":          begin + "Content-Length: 16\r\nContent-Length: 17\r\n\r\n" + hans,
		"a negative length":    begin + "Content-Length: -1\r\n\r\n" + hans,
		"an unknown encoding":  begin + "Transfer-Encoding: gzip, chunked\r\n\r\n" + hans,
		"a chunk of no number": begin + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + hans + "\r\n0\r\n\r\n",
	} {
		for _, before := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("%s after %d", name, before), func(t *testing.T) {
				t.Parallel()
				w := dial(t)
				w.send("%s%s%s", strings.Repeat(good, before), garbage, good)
				for range before {
					if response := w.answer(); response == nil || response.StatusCode != http.StatusOK {
						t.Fatalf("the good request was answered %v", response)
					}
				}
				if response := w.answer(); response == nil || response.StatusCode < 400 {
					t.Errorf("garbage was answered %v", response)
				}
				if _, err := w.r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("what follows garbage is still read: %v", err)
				}
			})
		}
	}
}

// TestSmuggledRequest: where length and chunks contradict each other, the bytes
// behind the body are no request of their own.
func TestSmuggledRequest(t *testing.T) {
	t.Parallel()
	w := dial(t)
	key := uuid.NewString()
	smuggled := post(hans, "Idempotency-Key: "+key)
	w.send("POST /operations/user-create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
		"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s", 5+len(smuggled), smuggled)
	_ = w.CloseWrite()
	for w.answer() != nil {
	}
	response, answer := call(t, http.MethodGet, target.operations+"/operations/"+messages.OperationID(key).String(), "")
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("the smuggled request: %s: %s", response.Status, answer)
	}
}

// TestManyConnections opens 2,000, has them idle, then all active at once.
func TestManyConnections(t *testing.T) {
	own(t)
	const many = 2000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*many {
		t.Skipf("needs %d open files, may have %d (ulimit -n)", 2*many, limit.Cur)
	}
	id := await(t, create(t, "many").UUID).UUID
	connections := make([]*wire, many)
	everywhere := func(path string) {
		var all sync.WaitGroup
		for _, w := range connections {
			all.Go(func() {
				w.send("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
				if response := w.answer(); response == nil || response.StatusCode != http.StatusOK {
					t.Errorf("GET %s on one of %d connections was answered %v", path, many, response)
				}
			})
		}
		all.Wait()
	}
	for i := range connections {
		connections[i] = dial(t)
		connections[i].send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") // idle from its answer on
	}
	for _, w := range connections {
		if response := w.answer(); response == nil || response.StatusCode != http.StatusOK {
			t.Fatalf("a new connection was answered %v", response)
		}
	}
	wantServed(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		everywhere("/operations/" + id.String())
	}()
	wantServed(t)
	<-done
	everywhere("/healthz")
}
