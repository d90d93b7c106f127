#!/bin/sh
# Takes an environment out of a cluster, and keeps its volumes, Secrets and buckets.
#
# Example: scripts/cleanup.sh staging --context test-cluster
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" cleanup --root="$home" "$@"
