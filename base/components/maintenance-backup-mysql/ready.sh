#!/bin/sh
# Waits until MySQL answers: a new pod may find neither its name nor a way to it yet, and the server may be starting.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_TLS and DATABASE_SECONDS, which is 300 unless it is set.
set -eu
admin=mysqladmin
if command -v mariadb-admin > /dev/null; then
  admin=mariadb-admin
fi
# A refused login is an answer, too.
answers() {
  # shellcheck disable=SC2086 # options, separated by blanks
  "$admin" --no-defaults --host="$DATABASE_HOST" --port="$DATABASE_PORT" ${DATABASE_TLS:-} --protocol=tcp \
    --connect-timeout=5 ping > /dev/null 2>&1
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
