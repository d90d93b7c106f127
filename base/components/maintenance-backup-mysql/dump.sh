#!/bin/sh
# Dumps each of DATABASES into a file of BACKUP_FOLDER, as statements. Works with the programs of MySQL and of MariaDB.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASES, DATABASE_TLS and, by itself, MYSQL_PWD.
set -eu
sh /opt/mlflow-backup/wait.sh sh /opt/mlflow-dump/ready.sh
umask 077
dump=mysqldump
if command -v mariadb-dump > /dev/null; then
  dump=mariadb-dump
fi

for database in $DATABASES; do
  # One snapshot, without what takes more rights than those of the database. A trigger is part of it.
  # shellcheck disable=SC2086 # options, separated by blanks
  "$dump" --no-defaults --host="$DATABASE_HOST" --port="$DATABASE_PORT" --user="$DATABASE_USER" ${DATABASE_TLS:-} \
    --protocol=tcp --default-character-set=utf8mb4 --single-transaction --quick --hex-blob --no-tablespaces --triggers \
    --loose-set-gtid-purged=OFF --result-file="$BACKUP_FOLDER/$database.sql" "$database"
  echo "$database: dumped"
done
