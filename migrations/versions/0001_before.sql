-- Schemas and what the application may do in them.
CREATE SCHEMA IF NOT EXISTS live;
CREATE SCHEMA IF NOT EXISTS staging;
GRANT USAGE ON SCHEMA public, live TO carillon_app;
GRANT USAGE, CREATE ON SCHEMA staging TO carillon_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
