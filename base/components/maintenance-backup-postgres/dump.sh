#!/bin/sh
# Dumps each of DATABASES into a file of BACKUP_FOLDER, in PostgreSQL's own format, which is compressed.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_USER and DATABASES, and what PostgreSQL's clients read, PGPASSWORD first.
set -eu
sh /opt/mlflow-backup/wait.sh sh /opt/mlflow-dump/ready.sh
umask 077
for database in $DATABASES; do
  file="$BACKUP_FOLDER/$database.dump"
  pg_dump --host="$DATABASE_HOST" --port="$DATABASE_PORT" --username="$DATABASE_USER" --dbname="$database" --no-password \
    --format=custom --no-owner --no-privileges --file="$file"
  # A dump that cannot be listed cannot be loaded.
  pg_restore --list "$file" > /dev/null
  echo "$database: dumped"
done
