-- A month is read as a whole, a customer by his own index; this one was only ever mistaken for it in a month without statistics, which
-- read a whole day again for every record of it.
-- squawk-ignore require-concurrent-index-deletion -- not possible for a partitioned index; nothing is read or written for it
DROP INDEX ix_balances_organisation_id_day;

-- A month of balances made when it is asked for: by hand beside the table, then attached, because CREATE TABLE .. PARTITION OF locks
-- out everybody who reads.
CREATE FUNCTION public.ensure_balances(asked date) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE month date := date_trunc('month', asked)::date; name text := 'balances' || to_char(asked, '_YYYY_MM');
  BEGIN
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
      RETURN false;
    END IF;
    IF asked NOT BETWEEN (now() - interval '10 years')::date AND (now() + interval '4 months')::date THEN
      RAISE EXCEPTION 'no balances are kept of %', month;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('ensure_balances'));
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
      RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.balances INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) WITH (fillfactor = 70)', name);
    EXECUTE format('ALTER TABLE public.balances ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, month, (month + interval '1 month')::date);
    RETURN true;
  END $$;
