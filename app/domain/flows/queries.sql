-- People in flows, by the set. Every statement names its flow, its version and step, or its runs, so that row-level security costs
-- nothing beside the index.

-- name: due_steps
-- Of every flow that runs, where its longest due run stands: one look into the index a flow, however many wait.
SELECT f.id AS flow_id, r.version_id, r.step FROM flows f CROSS JOIN LATERAL (
  SELECT version_id, step, due_at FROM flow_runs
  WHERE flow_id = f.id AND state = 'active' AND waits_for IS DISTINCT FROM 'call' AND due_at <= :now
  ORDER BY due_at LIMIT 1) r
WHERE f.state = 'active' AND f.organisation_id = :organisation ORDER BY r.due_at;

-- name: claim
-- Runs that are due at one step of one version, held until the end of the transaction: a worker that dies lets go of all of them.
SELECT r.id, r.contact_id, r.visit_id, r.port, r.why, r.attempts, r.due_at, r.entered_at, r.converted_at, r.key,
  COALESCE(c.timezone, :zone) AS zone, c.id IS NULL OR c.deleted_at IS NOT NULL OR c.status = 'erased' AS is_gone
FROM flow_runs r LEFT JOIN contacts c ON c.id = r.contact_id
WHERE r.version_id = :version AND r.step = :step AND r.state = 'active' AND r.waits_for IS DISTINCT FROM 'call' AND r.due_at <= :now
ORDER BY r.due_at LIMIT :most FOR UPDATE OF r SKIP LOCKED;

-- name: move
-- Where the runs of a batch are after it, at once. Who has no visit begins one.
UPDATE flow_runs r SET state = t.state, step = t.step, visit_id = COALESCE(t.visit, uuidv7()), due_at = t.due, port = t.port,
  why = t.why, waits_for = t.waits_for, attempts = t.attempts, failure = t.failure, reason = t.reason,
  converted_at = COALESCE(r.converted_at, t.converted), lease_token = NULL, lease_until = NULL,
  arrived_at = COALESCE(t.arrived, CASE WHEN r.step IS DISTINCT FROM t.step THEN CAST(:now AS timestamptz) END, r.arrived_at),
  ended_at = CASE WHEN t.step IS NULL THEN CAST(:now AS timestamptz) END
FROM json_to_recordset(CAST(:rows AS json)) AS t (id uuid, state text, step text, arrived timestamptz, visit uuid, due timestamptz,
  port text, why jsonb, waits_for text, attempts smallint, failure text, reason text, converted timestamptz)
WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.id = t.id;

-- name: note
-- What happened to the runs of a batch, in its order.
INSERT INTO flow_log (organisation_id, at, flow_id, version_id, run_id, contact_id, step, kind, port, visit_id, why)
SELECT :organisation, :now, :flow, :version, t.run, t.contact, t.step, t.kind, t.port, t.visit, t.why
FROM ROWS FROM (json_to_recordset(CAST(:rows AS json)) AS (run uuid, contact uuid, visit uuid, step text, kind text, port text,
  why jsonb)) WITH ORDINALITY AS t (run, contact, visit, step, kind, port, why, n)
ORDER BY t.n;

-- name: walking
-- Whoever walks shares this with others who walk; whoever tells runs of what they wait for has it alone. So nothing that happens is
-- looked for just before it is there and told just before somebody waits for it.
SELECT pg_advisory_xact_lock_shared(hashtextextended('flows ' || CAST(:organisation AS text), 0));

-- name: telling
SELECT pg_advisory_xact_lock(hashtextextended('flows ' || CAST(:organisation AS text), 0));

-- name: runs_of
-- The runs of some people that something may happen to: those on their way, held, and those that may still count as converted.
SELECT id, flow_id, version_id, contact_id, visit_id, step, waits_for, entered_at, arrived_at, converted_at, attempts FROM flow_runs
WHERE contact_id = ANY(CAST(:contacts AS uuid[])) AND (step IS NOT NULL OR (converted_at IS NULL AND entered_at > :since))
ORDER BY id FOR UPDATE;

-- name: convert
-- Who has done what the flow is for.
UPDATE flow_runs r SET converted_at = t.at FROM unnest(CAST(:ids AS uuid[]), CAST(:moments AS timestamptz[])) AS t (id, at)
WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.id = t.id AND r.converted_at IS NULL;

-- name: claim_calls
-- Runs of flows that run and for whom another system is to be called now, leased: if the worker dies they are called again, under the
-- same visit. What it may be told of them stands beside them.
UPDATE flow_runs r SET lease_token = :token, lease_until = clock_timestamp() + interval '2 minutes'
FROM (
  SELECT w.id, c.id IS NULL OR c.deleted_at IS NOT NULL OR c.status = 'erased' AS is_gone, jsonb_build_object('id', c.id,
    'external_id', c.external_id, 'language', c.language, 'country', c.country, 'city', c.city, 'lifecycle_stage', c.lifecycle_stage,
    'engagement_score', c.engagement_score, 'tags', c.tags) AS fields, c.properties
  FROM flows f CROSS JOIN LATERAL (
    SELECT id, contact_id, due_at FROM flow_runs
    WHERE flow_id = f.id AND state = 'active' AND waits_for = 'call' AND due_at <= :now
      AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED) w
  LEFT JOIN contacts c ON c.id = w.contact_id
  WHERE f.organisation_id = :organisation AND f.state = 'active'
  ORDER BY w.due_at LIMIT :most) t
WHERE r.id = t.id
RETURNING r.id, r.flow_id, r.version_id, r.contact_id, r.step, r.visit_id, r.attempts, r.entered_at, r.due_at, r.trigger, t.is_gone,
  t.fields, t.properties;

-- name: calls_are_due
SELECT EXISTS (SELECT FROM flows f WHERE f.organisation_id = :organisation AND f.state = 'active' AND EXISTS (
  SELECT FROM flow_runs WHERE flow_id = f.id AND state = 'active' AND waits_for = 'call' AND due_at <= :now
    AND (lease_until IS NULL OR lease_until < clock_timestamp())));

-- name: still_mine
-- Those of a claim who still stand where they were claimed: what happened meanwhile may have moved them.
SELECT id FROM flow_runs WHERE id = ANY(CAST(:ids AS uuid[])) AND lease_token = :token AND state = 'active' AND waits_for = 'call'
FOR UPDATE;

-- name: failing
-- Flows that run and in which many have failed since an hour ago, or since it was let go on: more than one of twenty of those who were
-- anywhere in it, of fifty at least. Nobody is counted further than it takes to know.
SELECT f.id, n.failed, n.people FROM (
  SELECT l.flow_id, count(DISTINCT l.run_id) AS failed, GREATEST(min(w.resumed_at), :since) AS since
  FROM flow_log l JOIN flows w ON w.id = l.flow_id
  WHERE l.organisation_id = :organisation AND l.kind = 'failed' AND l.at > :since AND l.at > COALESCE(w.resumed_at, :since)
    AND w.state = 'active'
  GROUP BY l.flow_id) AS x
JOIN flows f ON f.id = x.flow_id
CROSS JOIN LATERAL (SELECT x.failed, count(*) AS people FROM (
  SELECT DISTINCT run_id FROM flow_log WHERE flow_id = f.id AND at > x.since LIMIT GREATEST(x.failed * 20, 50)) AS seen) AS n
WHERE n.people >= 50 AND n.failed * 20 > n.people;

-- name: carry
-- Everybody at a step of an old version into a new one. A wait that stays one goes on as long as it was to (:stays), anything else
-- begins anew. Out of the one, into the other: both stand in the log, so that the people of every step add up.
WITH moved AS (
  UPDATE flow_runs SET version_id = :new, step = :to, visit_id = uuidv7(), state = 'active', attempts = 0, failure = NULL,
    due_at = CASE WHEN :stays AND state = 'active' THEN due_at ELSE CAST(:now AS timestamptz) END,
    port = CASE WHEN :stays AND state = 'active' THEN COALESCE(port, CAST(:port AS text)) END,
    waits_for = CASE WHEN :stays AND state = 'active' AND port = :port THEN COALESCE(CAST(:waits_for AS text), waits_for) END,
    why = CASE WHEN :stays AND state = 'active' THEN why END,
    arrived_at = CASE WHEN :stays THEN arrived_at ELSE CAST(:now AS timestamptz) END, lease_token = NULL, lease_until = NULL
  WHERE flow_id = :flow AND version_id = :old AND step = :step AND state IN ('active', 'failed')
  RETURNING organisation_id, id, contact_id
), noted AS (
  INSERT INTO flow_log (organisation_id, at, flow_id, version_id, run_id, contact_id, step, kind, port, why)
  SELECT m.organisation_id, :now, :flow, s.version, m.id, m.contact_id, s.step, 'moved', s.port, s.why
  FROM moved m CROSS JOIN (VALUES
    (CAST(:old AS uuid), CAST(:step AS text), 'out', jsonb_build_object('to', CAST(:to AS text), 'version', CAST(:new AS text))),
    (CAST(:new AS uuid), CAST(:to AS text), 'in', NULL)) AS s (version, step, port, why)
)
SELECT count(*) FROM moved;

-- name: leave_version
-- Everybody at a step of an old version leaves the flow.
WITH gone AS (
  UPDATE flow_runs SET state = 'left', step = NULL, due_at = NULL, port = NULL, waits_for = NULL, failure = NULL, reason = 'version',
    ended_at = :now, lease_token = NULL, lease_until = NULL
  WHERE flow_id = :flow AND version_id = :old AND step = :step AND state IN ('active', 'failed')
  RETURNING organisation_id, id, contact_id
), noted AS (
  INSERT INTO flow_log (organisation_id, at, flow_id, version_id, run_id, contact_id, step, kind, why)
  SELECT organisation_id, :now, :flow, :old, id, contact_id, :step, 'left', '{"reason": "version"}' FROM gone
)
SELECT count(*) FROM gone;

-- name: leave_all
-- Everybody who is in a flow leaves it: it was put away.
WITH gone AS (
  UPDATE flow_runs r SET state = 'left', step = NULL, due_at = NULL, port = NULL, waits_for = NULL, failure = NULL, reason = :reason,
    ended_at = :now, lease_token = NULL, lease_until = NULL
  FROM (SELECT id, step FROM flow_runs WHERE flow_id = :flow AND state IN ('active', 'failed') FOR UPDATE) AS w WHERE r.id = w.id
  RETURNING r.organisation_id, r.id, r.contact_id, r.version_id, w.step
), noted AS (
  INSERT INTO flow_log (organisation_id, at, flow_id, version_id, run_id, contact_id, step, kind, why)
  SELECT organisation_id, :now, :flow, version_id, id, contact_id, step, 'left', jsonb_build_object('reason', CAST(:reason AS text))
  FROM gone
)
SELECT count(*) FROM gone;

-- name: counted
-- The people of a flow, counted by what happened at each step (kind and port), and where they are now (kind "here", port their state):
-- in one statement, so that both are of the same moment.
SELECT version_id, step, kind, port, count(*) AS number FROM flow_log
WHERE flow_id = :flow AND kind IN ('entered', 'passed', 'left', 'moved', 'converted', 'retried', 'failed')
GROUP BY version_id, step, kind, port
UNION ALL
SELECT version_id, step, 'here', state, count(*) FROM flow_runs WHERE flow_id = :flow GROUP BY version_id, step, state;

-- name: by_group
-- Of everybody who ever entered a flow, each once: whether he was of the control group, and whether he did what the flow is for.
SELECT is_control, count(*) AS people, count(*) FILTER (WHERE has_converted) AS converted FROM (
  SELECT contact_id, bool_or(is_control) AS is_control, bool_or(converted_at IS NOT NULL) AS has_converted
  FROM flow_runs WHERE flow_id = :flow GROUP BY contact_id) AS p
GROUP BY is_control;

-- name: reasons
-- Why those who have ended have.
SELECT state, reason, count(*) AS number FROM flow_runs WHERE flow_id = :flow AND state IN ('finished', 'left')
GROUP BY state, reason;

-- name: opening
-- The sends of a version are opened one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('flow sends ' || CAST(:version AS text), 0));
