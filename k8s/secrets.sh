#!/usr/bin/env bash
# Makes the Secrets that nobody else makes, where they are missing: tokens between
# services and sidecars, and what leads to MongoDB. Strimzi makes those of Kafka.
# Nothing is written to disk, and no secret is an argument of a command.
#
# With OPERATIONS_MONGODB_URI and USERS_MONGODB_URI set: a database outside of the
# cluster. Without: passwords for the one that platform/mongodb runs.
#
# Usage: k8s/secrets.sh [--dry-run]
set -euo pipefail

namespace=registration
dry_run=${1:-}

random() { head -c 512 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c 40; }

# secret NAME KEY=VALUE...: values are letters, digits and what URIs are made of.
secret() {
  local name=$1
  shift
  if [[ $dry_run == --dry-run ]]; then
    echo "secret $name: ${*%%=*}"
    return
  fi
  if kubectl -n "$namespace" get secret "$name" >/dev/null 2>&1; then
    return
  fi
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: "%s", namespace: "%s"}\nstringData:\n' "$name" "$namespace"
    local pair
    for pair in "$@"; do
      printf '  %s: "%s"\n' "${pair%%=*}" "${pair#*=}"
    done
  } | kubectl create -f -
}

for service in operation-service user-service approval-service; do
  secret "$service-app-token" "token=$(random)"
  secret "$service-api-token" "token=$(random)"
done

# maxPoolSize: a bulk is one update per key, all at once; the driver's default is 100.
in_cluster() { echo "mongodb://$1:$2@mongodb-0.mongodb.$namespace.svc:27017/?replicaSet=rs0&authSource=$1&maxPoolSize=256"; }

if [[ -n ${OPERATIONS_MONGODB_URI:-} && -n ${USERS_MONGODB_URI:-} ]]; then
  secret operation-service-mongodb "uri=$OPERATIONS_MONGODB_URI"
  secret user-service-mongodb "uri=$USERS_MONGODB_URI"
elif [[ $dry_run == --dry-run ]] || ! kubectl -n "$namespace" get secret mongodb >/dev/null 2>&1; then
  operations=$(random) users=$(random)
  secret operation-service-mongodb "uri=$(in_cluster operation-service "$operations")"
  secret user-service-mongodb "uri=$(in_cluster user-service "$users")"
  # Last: where it is, the others are.
  secret mongodb "root=$(random)" "keyfile=$(random)" "operation-service=$operations" "user-service=$users"
fi
