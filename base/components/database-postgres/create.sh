#!/bin/sh
# Creates the cluster, MLflow's role and MLflow's database on an empty volume; does nothing on a volume that has one.
#
# Reads PGDATA, MLFLOW_DATABASE, MLFLOW_USER, MLFLOW_PASSWORD and SUPERUSER_PASSWORD from the environment. Passwords
# may hold any character but a line break: psql reads them from its environment and quotes them itself.
set -eu
umask 077

if [ -s "$PGDATA/PG_VERSION" ]; then
  echo "the volume holds a cluster of PostgreSQL $(cat "$PGDATA/PG_VERSION"); nothing to create"
  exit 0
fi

# Built beside its place and moved when whole, so that an interrupted run leaves nothing that looks like a cluster.
new="$PGDATA.new"
rm -rf "$new"
printf '%s\n' "$SUPERUSER_PASSWORD" > /tmp/superuser-password
initdb --pgdata="$new" --username=postgres --pwfile=/tmp/superuser-password \
  --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
rm /tmp/superuser-password
echo "host all all all scram-sha-256" >> "$new/pg_hba.conf"

pg_ctl --pgdata="$new" --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
PGPASSWORD="$SUPERUSER_PASSWORD" psql --host=/tmp --username=postgres --dbname=postgres \
  --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv user MLFLOW_USER
\getenv password MLFLOW_PASSWORD
\getenv database MLFLOW_DATABASE
CREATE ROLE :"user" LOGIN PASSWORD :'password';
CREATE DATABASE :"database" OWNER :"user";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
pg_ctl --pgdata="$new" --wait --mode=fast stop
mv "$new" "$PGDATA"
echo "created the database for MLflow"
