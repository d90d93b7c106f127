#!/bin/sh
# Loads the files of BACKUP_FOLDER into DATABASES. A database that has tables is left alone, and nothing is loaded, unless
# OVERWRITE names it, beside others. Works with the programs of MySQL and of MariaDB.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASES, DATABASE_TLS, OVERWRITE and, by itself, MYSQL_PWD.
set -eu
sh /opt/mlflow-backup/wait.sh sh /opt/mlflow-dump/ready.sh
client=mysql
if command -v mariadb > /dev/null; then
  client=mariadb
fi

ask() {
  # shellcheck disable=SC2086 # options, separated by blanks
  "$client" --no-defaults --host="$DATABASE_HOST" --port="$DATABASE_PORT" --user="$DATABASE_USER" ${DATABASE_TLS:-} \
    --protocol=tcp --default-character-set=utf8mb4 --batch --skip-column-names "$@"
}
# Before anything is changed, all of it has to be possible.
for database in $DATABASES; do
  # The last line of a dump that is whole.
  case $(tail -n 1 "$BACKUP_FOLDER/$database.sql") in
    "-- Dump completed"*) ;;
    *)
      echo "$database: the dump is not whole; nothing is loaded"
      exit 1
      ;;
  esac
  tables=$(ask --execute="SELECT count(*) FROM information_schema.tables WHERE table_schema = '$database'")
  case " ${OVERWRITE:-} " in
    *" $database "*) ;;
    *)
      if [ "$tables" -gt 0 ]; then
        echo "$database: has $tables tables, and OVERWRITE does not name it; nothing is loaded"
        exit 1
      fi
      ;;
  esac
done
for database in $DATABASES; do
  ask --execute="DROP DATABASE \`$database\`; CREATE DATABASE \`$database\` CHARACTER SET utf8mb4"
  ask "$database" < "$BACKUP_FOLDER/$database.sql"
  echo "$database: loaded"
done
