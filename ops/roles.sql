-- The roles of Carillon. Harmless to run again. As a superuser, for a PostgreSQL of your own:
--     psql -f ops/roles.sql
--     psql -c "ALTER ROLE carillon_run PASSWORD '...'" -c "ALTER ROLE carillon PASSWORD '...'"
--     psql -c "CREATE DATABASE carillon OWNER carillon_owner"
--     DATABASE_URL=postgresql://carillon_run:...@host/carillon            for the web and the workers
--     DATABASE_OWNER_URL=postgresql://carillon:...@host/carillon          for flask migrate only, never for the web
-- carillon_run    signs in, and may do nothing but become carillon_app (SET ROLE)
-- carillon        signs in, and may do nothing but become carillon_owner or carillon_app
-- carillon_owner  owns database, schema, tables, views and functions; runs migrations
-- carillon_app    reads and writes rows, bound by row-level security

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'carillon_owner') THEN
        CREATE ROLE carillon_owner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'carillon_app') THEN
        CREATE ROLE carillon_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'carillon') THEN
        CREATE ROLE carillon LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'carillon_run') THEN
        CREATE ROLE carillon_run LOGIN;
    END IF;
END
$$;

ALTER ROLE carillon_owner NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE carillon_app NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE carillon_run NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE carillon NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;

-- not inherited: a connection that forgot to choose a role sees nothing, not everything
GRANT carillon_owner, carillon_app TO carillon WITH INHERIT FALSE, SET TRUE;
GRANT carillon_app TO carillon_run WITH INHERIT FALSE, SET TRUE;
