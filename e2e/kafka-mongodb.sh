#!/usr/bin/env bash
# The end-to-end suite on the components of `dapr run -f .` as they are: Kafka on localhost:9092, MongoDB on
# localhost:27017. Called by `make test-kafka-mongodb`.
#
# MongoDB is the one at MONGODB_URI if that is set, else Docker's. Kafka is the one that listens, else Docker's, else
# the one of e2e/kafka.
set -euo pipefail
cd "$(dirname "$0")"

listens() { (exec 3<>"/dev/tcp/localhost/$1") 2>/dev/null; }

if [[ -n ${MONGODB_URI:-} ]]; then
  if ! listens 9092; then
    mkdir -p ../.local/bin
    go build -o ../.local/bin/kafka ./kafka/cmd
    # It ends with this script, and says so when it serves.
    exec 3< <(exec ../.local/bin/kafka -port 9092 -dir ../.local/kafka/e2e)
    read -r said <&3 || exit 1
    echo "$said"
  fi
elif docker info >/dev/null 2>&1; then
  if [[ -z $(docker compose ps --quiet) ]]; then
    trap 'docker compose down' EXIT
  fi
  docker compose up --detach --wait
else
  cat >&2 <<'TEXT'
These tests need a MongoDB replica set, and found none. Either

  start Docker                   compose.yaml then brings MongoDB and Kafka, or
  export MONGODB_URI=mongodb://localhost:27017/?replicaSet=rs0
                                 for one that runs already; Kafka is then the one on
                                 localhost:9092, or is started (Java 17 and Maven).

Nothing was tested.
TEXT
  exit 2
fi

E2E_PROFILE=kafka-mongodb go test -count=1 -p 1 -timeout 30m ./...
