#!/bin/sh
# Exits 0 if PostgreSQL accepts connections.
#
# Reads DATABASE_HOST, DATABASE_PORT and DATABASE_USER. The user is required: the container's UID has no name, and without one
# pg_isready makes no attempt.
exec pg_isready --host="$DATABASE_HOST" --port="$DATABASE_PORT" --username="$DATABASE_USER" --timeout=5
