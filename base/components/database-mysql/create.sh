#!/bin/sh
# Creates the data directory, MLflow's user and MLflow's database on an empty volume; does nothing on a volume that has
# them. Works with the programs of MySQL and of MariaDB.
#
# Reads DATADIR, MLFLOW_DATABASE, MLFLOW_USER, MLFLOW_PASSWORD and ROOT_PASSWORD from the environment. Passwords may hold
# any character but a line break. The statements go through a pipe, never through an argument or a file.
set -eu
umask 077

if [ -d "$DATADIR/mysql" ]; then
  echo "the volume holds a data directory; nothing to create"
  exit 0
fi

# Built beside its place and moved when whole, so that an interrupted run leaves nothing that looks like a database.
new="$DATADIR.new"
socket=/tmp/create.sock
rm -rf "$new"
if command -v mariadb-install-db > /dev/null; then
  client=mariadb
  admin=mariadb-admin
  mariadb-install-db --no-defaults --datadir="$new" --tmpdir=/tmp --skip-test-db \
    --auth-root-authentication-method=normal > /dev/null
else
  client=mysql
  admin=mysqladmin
  mysqld --no-defaults --initialize-insecure --datadir="$new" --tmpdir=/tmp
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
statements() {
  printf 'CREATE DATABASE %s CHARACTER SET utf8mb4;\n' "$(name "$MLFLOW_DATABASE")"
  printf "CREATE USER %s@'%%' IDENTIFIED BY %s;\n" "$(literal "$MLFLOW_USER")" "$(literal "$MLFLOW_PASSWORD")"
  printf "GRANT ALL ON %s.* TO %s@'%%';\n" "$(name "$MLFLOW_DATABASE")" "$(literal "$MLFLOW_USER")"
  printf "ALTER USER 'root'@'localhost' IDENTIFIED BY %s;\n" "$(literal "$ROOT_PASSWORD")"
  printf 'SHUTDOWN;\n'
}

mysqld --no-defaults --datadir="$new" --tmpdir=/tmp --skip-networking --loose-mysqlx=OFF \
  --socket="$socket" --pid-file=/tmp/create.pid &
server=$!
tries=120
until "$admin" --no-defaults --socket="$socket" --user=root --silent ping > /dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ] || ! kill -0 "$server" 2> /dev/null; then
    echo "the server did not start on the new data directory; its messages are above" >&2
    exit 1
  fi
  sleep 1
done
statements | "$client" --no-defaults --socket="$socket" --user=root --default-character-set=utf8mb4
wait "$server"
mv "$new" "$DATADIR"
echo "created the database for MLflow"
