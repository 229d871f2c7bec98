-- The partitions of every table that is partitioned by month: by the time inside a uuidv7, by a day or by a moment.
CREATE OR REPLACE FUNCTION public.ensure_partitions(months_ahead int) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE parent record; month date; next date; made int := 0;
  BEGIN
    FOR parent IN
      SELECT c.relname AS name, a.atttypid = 'uuid'::regtype AS by_uuid
      FROM pg_partitioned_table p
      JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = 'public'::regnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
      ORDER BY c.relname
    LOOP
      FOR step IN -1 .. months_ahead LOOP
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date;
        next := (month + interval '1 month')::date;
        IF to_regclass(format('public.%I', parent.name || to_char(month, '_YYYY_MM'))) IS NULL THEN
          EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 70)',
            parent.name || to_char(month, '_YYYY_MM'), parent.name,
            CASE WHEN parent.by_uuid THEN month_border(month)::text ELSE month || ' 00:00Z' END,
            CASE WHEN parent.by_uuid THEN month_border(next)::text ELSE next || ' 00:00Z' END);
          made := made + 1;
        END IF;
      END LOOP;
    END LOOP;
    RETURN made;
  END $$;
