#!/bin/sh
# Makes a backup of an environment's databases now.
#
# Example: scripts/backup.sh prod --context prod-cluster
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" backup --root="$home" "$@"
