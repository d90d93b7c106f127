#!/bin/sh
# Loads the files of BACKUP_FOLDER into DATABASES. A database that has tables is left alone, and nothing is loaded, unless
# OVERWRITE names it, beside others.
#
# Reads DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASES and OVERWRITE, and what PostgreSQL's clients read.
set -eu
sh /opt/mlflow-backup/wait.sh sh /opt/mlflow-dump/ready.sh
# A server that still uses a table is not waited for.
export PGOPTIONS="-c lock_timeout=30s"

ask() {
  psql --host="$DATABASE_HOST" --port="$DATABASE_PORT" --username="$DATABASE_USER" --dbname="$1" --no-password \
    --no-psqlrc --quiet --no-align --tuples-only --set=ON_ERROR_STOP=1
}
# Before anything is changed, all of it has to be possible.
for database in $DATABASES; do
  pg_restore --list "$BACKUP_FOLDER/$database.dump" > /dev/null
  tables=$(echo "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user" | ask "$database")
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
  ask "$database" <<'SQL'
-- All that the user has in the schema; what an extension brought, or somebody else, stays.
SELECT format('DROP TABLE IF EXISTS public.%I CASCADE', tablename)
  FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user \gexec
SELECT format('DROP %s IF EXISTS public.%I CASCADE', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'SEQUENCE' END, relname)
  FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'S') AND pg_get_userbyid(relowner) = current_user \gexec
SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
  FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user \gexec
SELECT format('DROP TYPE IF EXISTS public.%I CASCADE', typname)
  FROM pg_type
  WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e') AND pg_get_userbyid(typowner) = current_user \gexec
SQL
  pg_restore --host="$DATABASE_HOST" --port="$DATABASE_PORT" --username="$DATABASE_USER" --dbname="$database" --no-password \
    --single-transaction --exit-on-error --no-owner --no-privileges --schema=public "$BACKUP_FOLDER/$database.dump"
  echo "$database: loaded"
done
