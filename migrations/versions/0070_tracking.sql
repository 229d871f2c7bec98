-- Events of older months: their partitions are made when somebody tells of one, and nothing waits for it: a table of its own is
-- attached, where CREATE TABLE .. PARTITION OF would lock out everybody who reads or writes events.
CREATE FUNCTION public.ensure_events(asked date) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE month date := date_trunc('month', asked)::date; name text := 'events' || to_char(asked, '_YYYY_MM');
  BEGIN
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
      RETURN false;
    END IF;
    IF asked NOT BETWEEN (now() - interval '10 years')::date AND (now() + interval '4 months')::date THEN
      RAISE EXCEPTION 'no events are kept of %', month;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_events'));
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
      RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) WITH (fillfactor = 70)', name);
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name,
      month || ' 00:00Z', (month + interval '1 month')::date || ' 00:00Z');
    RETURN true;
  END $$;
REVOKE ALL ON FUNCTION public.ensure_events(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.ensure_events(date) TO carillon_app;

-- Keys for pages: shown again, because they are no secret, and used from these origins only.
ALTER TABLE api_keys ADD COLUMN origins TEXT[] DEFAULT '{}' NOT NULL, ADD COLUMN shown TEXT;
-- What a visitor's pages said of him, not verified and sealed.
ALTER TABLE visitors ADD COLUMN said BYTEA;
