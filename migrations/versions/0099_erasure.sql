-- Nobody changes what is only ever added to; of whoever was erased it loses what can be read of him.
CREATE FUNCTION public.forget_people(people uuid[]) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  DECLARE
    ours uuid := NULLIF(current_setting('app.organisation_id', true), '')::uuid;
    gone uuid[] := ARRAY(SELECT id FROM contacts WHERE id = ANY(people) AND organisation_id = ours AND status = 'erased');
  BEGIN
    UPDATE flow_log SET why = NULL
    WHERE run_id = ANY(ARRAY(SELECT id FROM flow_runs WHERE contact_id = ANY(gone))) AND why IS NOT NULL;
    UPDATE consent_entries SET ip = NULL WHERE contact_id = ANY(gone) AND ip IS NOT NULL;
  END $$;
REVOKE ALL ON FUNCTION public.forget_people(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.forget_people(uuid[]) TO carillon_app;
