#!/bin/sh
# Creates the cluster, MLflow's role and MLflow's database on an empty volume; does nothing on a volume that has one.
# Where MLFLOW_REGISTRY_DATABASE and MLFLOW_AUTH_DATABASE name databases for registered models and for the server's users,
# they are created too, even on a volume in use.
#
# Reads PGDATA, MLFLOW_DATABASE, MLFLOW_USER, MLFLOW_PASSWORD and SUPERUSER_PASSWORD from the environment. Passwords
# may hold any character but a line break: psql reads them from its environment and quotes them itself.
set -eu
umask 077
others="${MLFLOW_REGISTRY_DATABASE:-}${MLFLOW_REGISTRY_DATABASE:+ }${MLFLOW_AUTH_DATABASE:-}"
# Holds the names of those databases, once they are there.
created="$PGDATA.databases"

start() {
  pg_ctl --pgdata="$1" --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp" start
}
stop() {
  pg_ctl --pgdata="$1" --wait --mode=fast stop
}
superuser() {
  PGPASSWORD="$SUPERUSER_PASSWORD" psql --host=/tmp --username=postgres --dbname=postgres \
    --no-psqlrc --quiet --set=ON_ERROR_STOP=1
}
# A database that MLflow's role owns and nobody else may open.
create_database() {
  NEW_DATABASE=$1 superuser <<'SQL'
\getenv user MLFLOW_USER
\getenv database NEW_DATABASE
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
}
create_others() {
  for database in $others; do
    create_database "$database"
    echo "created the database $database"
  done
}

if [ -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$others" ] || [ "$(cat "$created" 2> /dev/null)" = "$others" ]; then
    echo "the volume holds a cluster of PostgreSQL $(cat "$PGDATA/PG_VERSION"); nothing to create"
    exit 0
  fi
  # Left by a server that was killed; it names process 1, which here is this shell.
  rm -f "$PGDATA/postmaster.pid"
  start "$PGDATA"
  create_others
  stop "$PGDATA"
  echo "$others" > "$created"
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

start "$new"
superuser <<'SQL'
\getenv user MLFLOW_USER
\getenv password MLFLOW_PASSWORD
CREATE ROLE :"user" LOGIN PASSWORD :'password';
SQL
create_database "$MLFLOW_DATABASE"
create_others
stop "$new"
echo "$others" > "$created"
mv "$new" "$PGDATA"
echo "created the database for MLflow"
