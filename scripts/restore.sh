#!/bin/sh
# Brings a backup of an environment's databases back.
#
# Example: scripts/restore.sh prod --context prod-cluster --list
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" restore --root="$home" "$@"
