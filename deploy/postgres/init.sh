#!/bin/sh
# The postgres image runs this once, on an empty volume: the accounts of roles.sql, with the passwords of compose.yaml.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set owner_password="$OWNER_PASSWORD" --set password="$PASSWORD" --file /roles.sql
