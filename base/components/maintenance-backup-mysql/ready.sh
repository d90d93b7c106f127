#!/bin/sh
# Exits 0 if MySQL answers; a refused login is an answer, too. Works with the programs of MySQL and of MariaDB.
#
# Reads DATABASE_HOST, DATABASE_PORT and DATABASE_TLS.
set -eu
admin=mysqladmin
if command -v mariadb-admin > /dev/null; then
  admin=mariadb-admin
fi
# shellcheck disable=SC2086 # options, separated by blanks
exec "$admin" --no-defaults --host="$DATABASE_HOST" --port="$DATABASE_PORT" ${DATABASE_TLS:-} --protocol=tcp \
  --connect-timeout=5 ping
