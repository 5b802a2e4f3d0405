-- Two accounts of PostgreSQL, neither a superuser. Run once by a superuser, in any database, with psql:
--   psql --set owner_password=… --set password=… --file roles.sql
-- crewcard_owner owns the tables: `crewcard-xero migrate` uses it (MIGRATION_DATABASE_URL) and nothing else.
-- crewcard runs the exporter (DATABASE_URL): `migrate` grants it the use of the tables. It can add lines to the audit,
-- but neither change one nor switch its protection off.
CREATE ROLE crewcard_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE crewcard LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE crewcard OWNER crewcard_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE crewcard FROM PUBLIC;
GRANT CONNECT ON DATABASE crewcard TO crewcard;
\connect crewcard
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
