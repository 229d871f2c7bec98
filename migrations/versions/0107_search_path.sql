-- What runs with its owner's rights finds the house's own tables and the server's own functions, never a temporary namesake of them:
-- where pg_temp is not named, it is looked through first.
DO $$
DECLARE one regprocedure;
BEGIN
  FOR one IN SELECT oid FROM pg_catalog.pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace LOOP
    EXECUTE pg_catalog.format('ALTER FUNCTION %s SET search_path = pg_catalog, public, pg_temp', one);
  END LOOP;
END $$;
-- Without a moment nothing is dropped.
ALTER FUNCTION public.drop_behaviour(timestamptz) STRICT;
