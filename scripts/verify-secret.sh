#!/bin/sh
# Looks whether the Secrets of an environment are in a cluster, with their keys, and without what slips in.
#
# Example: scripts/verify-secret.sh prod --context prod-cluster
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" doctor --only=secrets --only="values of Secrets" --only="age of Secrets" --root="$home" "$@"
