#!/bin/sh
# Waits until PostgreSQL answers: a new pod may find neither its name nor a way to it yet, and the server may be starting.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASE_SECONDS, which is 300 unless it is set.
set -eu
# A user has to be named: the container's own has none, and pg_isready would not even try.
answers() {
  pg_isready --host="$DATABASE_HOST" --port="$DATABASE_PORT" --username="$DATABASE_USER" --timeout=5 > /dev/null 2>&1
}

end=$(($(date +%s) + ${DATABASE_SECONDS:-300}))
waits=
until answers; do
  if [ "$(date +%s)" -ge "$end" ]; then
    echo "$DATABASE_HOST:$DATABASE_PORT: the database did not answer within ${DATABASE_SECONDS:-300} seconds"
    exit 1
  fi
  [ -n "$waits" ] || echo "$DATABASE_HOST:$DATABASE_PORT: the database does not answer yet"
  waits=yes
  sleep 2
done
