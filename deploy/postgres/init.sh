#!/bin/sh
# The postgres image runs this once, on an empty volume: the accounts of roles.sql, with the passwords of compose.yaml.
set -eu
# Passwords come from the environment: a command line is seen by everybody on the machine.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv password PASSWORD
\i /roles.sql
SQL
