#!/usr/bin/env bash
# Installs the Helm releases of platform/releases.yaml, in order.
#
# Usage: k8s/releases.sh [--kind] [--dry-run]
set -euo pipefail
cd "$(dirname "$0")/platform"

kind=no dry_run=no
for argument in "$@"; do
  case $argument in
    --kind) kind=yes ;;
    --dry-run) dry_run=yes ;;
    *) echo "unknown argument $argument" >&2 && exit 2 ;;
  esac
done

# One line for each release: name, namespace, repo, chart, version, values files.
# The file is plain enough for awk; a test compares with what a YAML parser reads.
list() {
  awk -v kind="$kind" '
    function flush() { if (name != "") print name, namespace, repo, chart, version, files }
    /^  - name: /         { flush(); name = $3; files = "" }
    /^    namespace: /    { namespace = $2 }
    /^    repo: /         { repo = $2 }
    /^    chart: /        { chart = $2 }
    /^    version: /      { version = $2 }
    /^    values: \[/     { add() }
    /^    kind: \[/       { if (kind == "yes") add() }
    END                   { flush() }
    function add(  i) { gsub(/[\[\],]/, ""); for (i = 2; i <= NF; i++) files = files " " $i }
  ' releases.yaml
}

run() {
  echo "+ $*"
  [[ $dry_run == yes ]] || "$@"
}

while read -r name namespace repo chart version files; do
  command=(helm upgrade --install "$name" --namespace "$namespace" --create-namespace --version "$version" --wait --timeout 10m)
  case $repo in
    oci://*) command+=("$repo/$chart") ;;
    *) command+=(--repo "$repo" "$chart") ;;
  esac
  for file in $files; do
    command+=(--values "values/$file")
  done
  run "${command[@]}" </dev/null
done < <(list)
