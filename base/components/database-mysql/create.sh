#!/bin/sh
# Creates the data directory, MLflow's user and MLflow's database on an empty volume; does nothing on a volume that has
# them. Where MLFLOW_REGISTRY_DATABASE and MLFLOW_AUTH_DATABASE name databases for registered models and for the server's users,
# they are created too, even on a volume in use. Works with the programs of MySQL and of MariaDB.
#
# Reads DATADIR, MLFLOW_DATABASE, MLFLOW_USER, MLFLOW_PASSWORD and ROOT_PASSWORD from the environment. Passwords may hold
# any character but a line break. The statements go through a pipe, never through an argument or a file.
set -eu
umask 077
others="${MLFLOW_REGISTRY_DATABASE:-}${MLFLOW_REGISTRY_DATABASE:+ }${MLFLOW_AUTH_DATABASE:-}"
# Holds the names of those databases, once they are there.
created="$DATADIR.databases"
socket=/tmp/create.sock
if command -v mariadb-install-db > /dev/null; then
  client=mariadb
  admin=mariadb-admin
else
  client=mysql
  admin=mysqladmin
fi

# A string as an SQL literal. Written in the shell's own terms: an image need not have sed.
literal() {
  rest=$1
  quoted=
  while [ -n "$rest" ]; do
    character=${rest%"${rest#?}"}
    rest=${rest#?}
    case $character in
      \\) quoted="$quoted\\\\" ;;
      "'") quoted="$quoted''" ;;
      *) quoted="$quoted$character" ;;
    esac
  done
  printf "'%s'" "$quoted"
}
name() {
  printf '`%s`' "$1"
}
# A database that MLflow's user may do anything with.
database() {
  printf 'CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4;\n' "$(name "$1")"
  printf "GRANT ALL ON %s.* TO %s@'%%';\n" "$(name "$1")" "$(literal "$MLFLOW_USER")"
}
databases() {
  for database in $others; do
    database "$database"
  done
}
statements() {
  printf "CREATE USER %s@'%%' IDENTIFIED BY %s;\n" "$(literal "$MLFLOW_USER")" "$(literal "$MLFLOW_PASSWORD")"
  database "$MLFLOW_DATABASE"
  databases
  printf "ALTER USER 'root'@'localhost' IDENTIFIED BY %s;\n" "$(literal "$ROOT_PASSWORD")"
  printf 'SHUTDOWN;\n'
}
# Runs the server on a data directory, without network, until it has obeyed the statements that it reads.
serve() {
  directory=$1
  shift
  mysqld --no-defaults --datadir="$directory" --tmpdir=/tmp --skip-networking --loose-mysqlx=OFF \
    --socket="$socket" --pid-file=/tmp/create.pid "$@" &
  server=$!
  tries=120
  until "$admin" --no-defaults --socket="$socket" --user=root --silent ping > /dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ] || ! kill -0 "$server" 2> /dev/null; then
      echo "the server did not start on the data directory; its messages are above" >&2
      exit 1
    fi
    sleep 1
  done
  "$client" --no-defaults --socket="$socket" --user=root --default-character-set=utf8mb4
  wait "$server"
}

if [ -d "$DATADIR/mysql" ]; then
  if [ -z "$others" ] || { [ -f "$created" ] && [ "$(cat "$created")" = "$others" ]; }; then
    echo "the volume holds a data directory; nothing to create"
    exit 0
  fi
  export MYSQL_PWD="$ROOT_PASSWORD"
  # With the binary log, as the server itself runs: it is needed to recover from a crash.
  { databases && printf 'SHUTDOWN;\n'; } | serve "$DATADIR" --server-id=1 --log-bin=binlog
  echo "$others" > "$created"
  for database in $others; do
    echo "created the database $database"
  done
  exit 0
fi

# Built beside its place and moved when whole, so that an interrupted run leaves nothing that looks like a database.
new="$DATADIR.new"
rm -rf "$new"
if [ "$client" = mariadb ]; then
  mariadb-install-db --no-defaults --datadir="$new" --tmpdir=/tmp --skip-test-db \
    --auth-root-authentication-method=normal > /dev/null
else
  mysqld --no-defaults --initialize-insecure --datadir="$new" --tmpdir=/tmp
fi
statements | serve "$new"
mv "$new" "$DATADIR"
echo "$others" > "$created"
echo "created the database for MLflow"
