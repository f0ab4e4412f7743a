package experiment

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serveEnv makes this test binary a server at that address.
const serveEnv = "CHAOS_TEST_SERVE"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveEnv); addr != "" {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			os.Exit(1)
		}
		for {
			if conn, err := listener.Accept(); err == nil {
				_ = conn.Close()
			}
		}
	}
	os.Exit(m.Run())
}

func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A command serves, dies and serves again; a signal reaches the server itself.
func TestCommand(t *testing.T) {
	t.Parallel()
	addr, dir := freeAddr(t), t.TempDir()
	c, err := startCommand(t.Context(), "env "+serveEnv+"="+addr+" "+os.Args[0], addr, dir, filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		if err := c.Kill(signal); err != nil {
			t.Fatal(err)
		}
		if err := until(t.Context(), 10*time.Second, func() bool { return !c.Running() }); err != nil || c.serves(t.Context()) {
			t.Fatalf("serves after signal %s, %v", signal, err)
		}
		if err := c.Restart(t.Context()); err != nil || !c.Running() || !c.serves(t.Context()) {
			t.Fatalf("does not serve again: %v", err)
		}
	}
	c.Stop()
	if c.Running() {
		t.Error("runs after its stop")
	}
}

func TestCommandThatEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := startCommand(t.Context(), "false", freeAddr(t), dir, filepath.Join(dir, "log")); err == nil || !strings.Contains(err.Error(), "does not serve") {
		t.Errorf("got %v", err)
	}
}
