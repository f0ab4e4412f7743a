#!/usr/bin/env bash
# From nothing to a running system on a laptop with Docker: `make kind-up`. Run it
# again to go on where it stopped. `make kind-down` removes all of it.
#
# It takes about 8 GB of memory, and pulls some 5 GB of images the first time.
#
# Usage: k8s/kind-up.sh [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/.."

cluster=registration
host=registration.localhost
folder=.local/kind
dry_run=${1:-}
PATH=$PWD/.local/bin:$PATH
# Of this cluster alone: whatever else kubectl knows is neither used nor changed.
export KUBECONFIG=$PWD/.local/kind/kubeconfig

step() { printf '\n== %s\n' "$*"; }

run() {
  echo "+ $*"
  [[ $dry_run == --dry-run ]] || "$@"
}

# What is missing is named all at once. kind and helm are built, if Go is there.
check() {
  local missing=()
  for program in docker kubectl openssl go make; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  if ((${#missing[@]})); then
    echo "missing: ${missing[*]}" >&2
    return 1
  fi
  docker info >/dev/null || { echo "Docker is installed, but does not answer" >&2 && return 1; }
  if ! command -v kind >/dev/null || ! command -v helm >/dev/null; then
    run make cluster-tools
  fi
}

make_cluster() {
  run mkdir -p "$folder"
  if [[ $dry_run != --dry-run ]] && kind get clusters 2>/dev/null | grep -qx "$cluster"; then
    run kind export kubeconfig --name "$cluster"
    return
  fi
  run kind create cluster --config k8s/overlays/kind/kind.yaml --wait 5m
}

load_images() {
  run make images
  for image in operation-service user-service approval-service dead-letters load; do
    run kind load docker-image --name "$cluster" "registration/$image:dev"
  done
}

# A certificate for this laptop, which nobody else trusts.
make_certificate() {
  if [[ ! -e $folder/tls.crt ]]; then
    run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=$host" \
      -addext "subjectAltName=DNS:$host" -keyout "$folder/tls.key" -out "$folder/tls.crt"
  fi
  if [[ $dry_run == --dry-run ]] || ! kubectl -n istio-ingress get secret registration-tls >/dev/null 2>&1; then
    run kubectl -n istio-ingress create secret tls registration-tls --cert "$folder/tls.crt" --key "$folder/tls.key"
  fi
}

# Strimzi first: its operators make the Secrets that the services' pods wait for.
await() {
  run kubectl -n registration wait kafka/kafka --for=condition=Ready --timeout=15m
  run kubectl -n registration wait kafkatopic,kafkauser --all --for=condition=Ready --timeout=5m
  run kubectl -n registration rollout status statefulset/mongodb --timeout=5m
  for service in operation-service user-service approval-service; do
    run kubectl -n registration rollout status "deployment/$service" --timeout=5m
  done
  run kubectl -n registration wait scaledobject/approval-service --for=condition=Ready --timeout=2m
}

step "Programs"
[[ $dry_run == --dry-run ]] || check
step "Cluster"
make_cluster
step "Images"
load_images
step "Namespace and Secrets"
run kubectl apply --server-side -f k8s/base/namespace.yaml
run k8s/secrets.sh
step "Dapr, KEDA, Strimzi, Prometheus, Istio"
run k8s/releases.sh --kind
make_certificate
step "The system"
run kubectl apply --server-side -k k8s/overlays/kind
step "Waiting until it is ready"
await

cat <<END

Ready: https://$host:8443

  curl --cacert $folder/tls.crt -H 'Content-Type: application/json' -H 'Prefer: wait=10' -d '{"name":"hans"}' https://$host:8443/operations/user-create

Load, and what it does to approval-service:

  export KUBECONFIG=$KUBECONFIG
  kubectl apply -k k8s/load
  kubectl -n registration-load scale deployment/load --replicas=3
  kubectl -n registration get hpa approval-service --watch
END
