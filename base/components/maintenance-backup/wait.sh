#!/bin/sh
# Waits until a database answers: runs a command until it succeeds, and exits 1 after DATABASE_SECONDS (default 300). A new pod may
# not resolve the database's name or reach it yet, and the database may still be starting.
#
#     wait.sh COMMAND [ARGUMENT...]
#
# Reads DATABASE_HOST and DATABASE_PORT for its messages.
set -eu
end=$(($(date +%s) + ${DATABASE_SECONDS:-300}))
waits=
until "$@" > /dev/null 2>&1; do
  if [ "$(date +%s)" -ge "$end" ]; then
    echo "$DATABASE_HOST:$DATABASE_PORT: the database did not answer within ${DATABASE_SECONDS:-300} seconds"
    exit 1
  fi
  [ -n "$waits" ] || echo "$DATABASE_HOST:$DATABASE_PORT: the database does not answer yet"
  waits=yes
  sleep 2
done
