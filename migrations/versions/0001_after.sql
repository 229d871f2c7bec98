-- The organisations' own policy, the functions of the owner, the trigger of the consent ledger.
ALTER TABLE public.organisations ENABLE ROW LEVEL SECURITY;
CREATE POLICY ours ON public.organisations
  USING (id = NULLIF(current_setting('app.organisation_id', true), '')::uuid)
  WITH CHECK (id = NULLIF(current_setting('app.organisation_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON public.organisations TO carillon_app;
GRANT SELECT ON public.alembic_version TO carillon_app;

-- Before the organisation is known: functions of the owner that return nothing but ids.
CREATE FUNCTION public.find_user(text) RETURNS TABLE (organisation_id uuid, user_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT organisation_id, id FROM users WHERE email = $1 $$;
CREATE FUNCTION public.find_session(bytea) RETURNS TABLE (organisation_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT organisation_id FROM sessions WHERE id_hash = $1 $$;
CREATE FUNCTION public.find_key(text) RETURNS TABLE (organisation_id uuid, key_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT organisation_id, id FROM api_keys WHERE prefix = $1 $$;
CREATE FUNCTION public.find_account(uuid) RETURNS TABLE (organisation_id uuid)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT organisation_id FROM provider_accounts WHERE id = $1 $$;
CREATE FUNCTION public.organisation_ids() RETURNS SETOF uuid
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS
  $$ SELECT id FROM organisations $$;

-- Messages and what belongs to them lie in one partition a month, cut by the time inside the uuidv7 of their occurrence.
CREATE FUNCTION public.month_border(month date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-0000-0000-000000000000')::uuid
  FROM (SELECT lpad(to_hex((extract(epoch FROM (month::timestamp AT TIME ZONE 'UTC')) * 1000)::bigint), 12, '0') AS hex) AS h $$;
CREATE FUNCTION public.ensure_partitions(months_ahead int) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE parent text; month date; made int := 0;
  BEGIN
    FOREACH parent IN ARRAY ARRAY['messages', 'attempts', 'traces'] LOOP
      FOR step IN -1 .. months_ahead LOOP
        month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => step))::date;
        IF to_regclass(format('public.%I', parent || to_char(month, '_YYYY_MM'))) IS NULL THEN
          EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = 70)',
            parent || to_char(month, '_YYYY_MM'), parent, month_border(month), month_border((month + interval '1 month')::date));
          made := made + 1;
        END IF;
      END LOOP;
    END LOOP;
    RETURN made;
  END $$;

-- Fresh statistics after a bulk change: a plan made on an empty table reads a full one from end to end. For a partitioned table
-- only the partition of that occurrence is read.
CREATE FUNCTION public.refresh_statistics(parent text, occurrence uuid DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE place text := parent;
  BEGIN
    IF occurrence IS NOT NULL THEN
      place := parent || to_char(uuid_extract_timestamp(occurrence) AT TIME ZONE 'UTC', '_YYYY_MM');
    END IF;
    EXECUTE format('ANALYZE public.%I', place);
  END $$;

-- The present state of consent follows the ledger and nothing else. The latest act wins; at the same moment the withdrawal.
CREATE FUNCTION public.follow_consent() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  BEGIN
    INSERT INTO consent_states (organisation_id, contact_id, channel, purpose, state, at, entry_id)
    SELECT DISTINCT ON (contact_id, channel, purpose) organisation_id, contact_id, channel, purpose, state, at, id
    FROM added, unnest(channels) AS channel
    ORDER BY contact_id, channel, purpose, at DESC, state DESC, id DESC
    ON CONFLICT (contact_id, channel, purpose) DO UPDATE SET state = excluded.state, at = excluded.at, entry_id = excluded.entry_id
    WHERE excluded.at > consent_states.at OR (excluded.at = consent_states.at AND excluded.state = 'withdrawn');
    RETURN NULL;
  END $$;
CREATE TRIGGER follow_consent AFTER INSERT ON public.consent_entries
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.follow_consent();

REVOKE ALL ON FUNCTION public.find_user(text), public.find_session(bytea), public.find_key(text), public.find_account(uuid),
  public.organisation_ids(), public.ensure_partitions(int), public.refresh_statistics(text, uuid), public.follow_consent()
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.find_user(text), public.find_session(bytea), public.find_key(text), public.find_account(uuid),
  public.organisation_ids(), public.ensure_partitions(int), public.refresh_statistics(text, uuid) TO carillon_app;
SELECT public.ensure_partitions(3);
