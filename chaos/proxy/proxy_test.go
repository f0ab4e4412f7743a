package proxy_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"

	"registration.example/chaos/proxy"
)

// echo serves connections by sending back what it reads, until its end.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func listen(t *testing.T, target string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func dial(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// call sends a word, waits for it, and says how long that took.
func call(conn net.Conn) (time.Duration, error) {
	start := time.Now()
	if _, err := conn.Write([]byte("word")); err != nil {
		return 0, err
	}
	_, err := io.ReadFull(conn, make([]byte, len("word")))
	return time.Since(start), err
}

// Everything arrives in its order, delayed or not, and so does the end.
func TestPassesOn(t *testing.T) {
	t.Parallel()
	for name, latency := range map[string]time.Duration{"at once": 0, "delayed": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := listen(t, echo(t))
			p.Delay(latency)
			sent := make([]byte, 3<<20)
			_, _ = rand.Read(sent)
			conn := dial(t, p)
			go func() {
				_, _ = conn.Write(sent)
				_ = conn.(*net.TCPConn).CloseWrite()
			}()
			got, err := io.ReadAll(conn)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, %v", len(got), len(sent), err)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	p := listen(t, echo(t))
	conn := dial(t, p)
	if _, err := call(conn); err != nil {
		t.Fatal(err)
	}
	const latency = 150 * time.Millisecond
	p.Delay(latency)
	if took, err := call(conn); err != nil || took < 2*latency {
		t.Errorf("there and back took %s, %v; want at least %s", took, err, 2*latency)
	}
	p.Delay(0)
	if took, err := call(conn); err != nil || took >= 2*latency {
		t.Errorf("without delay there and back took %s, %v", took, err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	p := listen(t, echo(t))
	open := dial(t, p)
	if _, err := call(open); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if _, err := call(open); err == nil {
		t.Error("a connection survived the cut")
	}
	if _, err := call(dial(t, p)); err == nil {
		t.Error("a connection came through the cut")
	}
	p.Mend()
	if _, err := call(dial(t, p)); err != nil {
		t.Errorf("after the cut: %v", err)
	}
}

// A target that is away is an end of the connection, not of the proxy.
func TestTargetAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	p := listen(t, l.Addr().String())
	for range 2 {
		if _, err := call(dial(t, p)); err == nil {
			t.Error("somebody answered")
		}
	}
}

func TestCloseEndsConnections(t *testing.T) {
	t.Parallel()
	p := listen(t, echo(t))
	conn := dial(t, p)
	if _, err := call(conn); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if _, err := call(conn); err == nil {
		t.Error("a connection survived")
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("it still listens")
	}
}
