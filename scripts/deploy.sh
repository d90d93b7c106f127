#!/bin/sh
# Brings an environment into a cluster.
#
# Example: scripts/deploy.sh prod --context prod-cluster
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" deploy --root="$home" "$@"
