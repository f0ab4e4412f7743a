#!/bin/sh
# serve.sh NAME builds the service NAME and becomes it: `dapr run -f` kills what
# it started and nothing below, so `go run`, which has a child, would leave one.
set -eu
name=$1
cd "$(dirname "$0")/.."
bin=.local/serve/$name
CGO_ENABLED=0 go build -o "$bin/" ./local/preflight "./$name"
"$bin/preflight" -stop "$PPID"
exec "$bin/$name"
