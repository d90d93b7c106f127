#!/bin/sh
# Logs a run to a server, reads it back, and deletes it.
#
# Example: scripts/test-connection.sh http://localhost:5000
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
make --silent --directory="$home" .venv/overlay.done
exec "$home/.venv/bin/mlflow-overlays" test-connection "$@"
