// Command preflight says in one line which servers `dapr run -f .` would miss,
// and ends with 1 if there are any. A sidecar whose broker or database is away
// at its start ends at once, in its log file only; the CLI then waits minutes
// for it, and does not hear Ctrl-C meanwhile.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"registration.example/local/components"
	"registration.example/local/runfile"
)

// readTime lets the CLI print the line before it is stopped.
const readTime = 500 * time.Millisecond

func main() {
	file := flag.String("run-file", runfile.Name, "the run file whose servers are looked for")
	stop := flag.Int("stop", 0, "process id of the `dapr run -f` that is killed, with all its processes, if a server is missing")
	flag.Parse()
	missing, err := preflight(context.Background(), *file, os.Getenv)
	if err == nil && missing == "" {
		return
	}
	report(os.Stderr, missing, err)
	if underDaprRun(*stop, os.Getenv) {
		<-time.After(readTime)
		_ = syscall.Kill(-*stop, syscall.SIGKILL)
	}
	os.Exit(1)
}

func report(w io.Writer, missing string, err error) {
	if err != nil {
		missing = "preflight: " + err.Error()
	}
	_, _ = fmt.Fprintln(w, missing)
}

// preflight gives the line to print, "" if nothing is missing.
func preflight(ctx context.Context, file string, getenv func(string) string) (string, error) {
	f, err := runfile.Read(file)
	if err != nil {
		return "", err
	}
	servers, err := components.Servers(getenv, f.Common.Resources...)
	if err != nil {
		return "", err
	}
	away := components.Away(ctx, servers)
	if len(away) == 0 {
		return "", nil
	}
	return components.Missing(away), nil
}

// underDaprRun makes sure that cli leads the process group of this process and
// started it as an app: `dapr run -f` puts itself and all it starts in a group.
func underDaprRun(cli int, getenv func(string) string) bool {
	return cli > 1 && syscall.Getpgrp() == cli && getenv("APP_ID") != "" && getenv("DAPR_HTTP_PORT") != ""
}
