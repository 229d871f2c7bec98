-- What people did is not kept for ever: whole months of events and of moves between segments that were over before a moment. Nobody
-- waits long for it: what somebody reads just now is dropped the next time.
CREATE FUNCTION public.drop_behaviour(before timestamptz) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public SET lock_timeout = '2s' AS $$
  DECLARE month record; dropped int := 0;
  BEGIN
    before := LEAST(before, now() - interval '31 days');
    FOR month IN
      SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent IN ('public.events'::regclass, 'public.segment_moves'::regclass) AND c.relname ~ '_\d{4}_\d{2}$'
        AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before AT TIME ZONE 'UTC'
      ORDER BY c.relname
    LOOP
      BEGIN
        EXECUTE format('DROP TABLE public.%I', month.name);
        dropped := dropped + 1;
      EXCEPTION WHEN lock_not_available THEN
        RETURN dropped;
      END;
    END LOOP;
    RETURN dropped;
  END $$;
REVOKE ALL ON FUNCTION public.drop_behaviour(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.drop_behaviour(timestamptz) TO carillon_app;
