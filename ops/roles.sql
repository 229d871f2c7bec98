-- The roles of Carillon. Harmless to run again. As a superuser, for a PostgreSQL of your own:
--     psql -f ops/roles.sql
--     psql -c "ALTER ROLE carillon PASSWORD '...'" -c "CREATE DATABASE carillon OWNER carillon_owner"
--     DATABASE_URL=postgresql://carillon:...@host/carillon
-- carillon        signs in, and may do nothing but become one of the other two (SET ROLE)
-- carillon_owner  owns database, schema, tables and views; runs migrations, makes partitions
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
END
$$;

ALTER ROLE carillon_owner NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE carillon_app NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
ALTER ROLE carillon NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;

-- not inherited: a connection that forgot to choose a role sees nothing, not everything
GRANT carillon_owner, carillon_app TO carillon WITH INHERIT FALSE, SET TRUE;
