-- Events by the set: one statement for a call, whether it tells of one event or of a thousand.

-- name: record
-- A batch of events with their keys and wakes. What comes back is what was not kept: nobody is meant, several are, or he was
-- erased, or the key is taken (`why` is null: the caller compares what was said with it); and the consumers to ring for, those
-- that had nothing waiting. A visitor who is known already tells for his contact. What happened more than a day ago is history:
-- segments count it, and it starts no flow. Whom a page names wrongly is its visitor (tracking.py). Visitors and keys are locked in their order, so that two batches wait for each other
-- and never both.
WITH given AS MATERIALIZED (
  SELECT g.*, uuidv7() AS id FROM jsonb_to_recordset(CAST(:batch AS jsonb)) AS g (n int, contact uuid, external_id text, kind text,
    blind text, visitor text, name text, properties jsonb, occurred_at timestamptz, key text, digest text)
), named AS (
  SELECT g.n, c.id, c.status FROM given g JOIN live.contacts c ON c.id = g.contact WHERE c.deleted_at IS NULL
  UNION ALL
  SELECT g.n, c.id, c.status FROM given g JOIN live.contacts c ON c.external_id = g.external_id WHERE c.deleted_at IS NULL
  UNION ALL
  SELECT g.n, c.id, c.status FROM given g
  JOIN live.contact_addresses a ON a.kind = g.kind AND a.blind = decode(g.blind, 'hex')
  JOIN live.contacts c ON c.id = a.contact_id WHERE c.deleted_at IS NULL
), whose AS MATERIALIZED (
  SELECT n, (array_agg(id))[1] AS id, count(DISTINCT id) AS people, bool_or(status = 'erased') AS is_erased FROM named GROUP BY n
  HAVING :is_verified OR (count(DISTINCT id) = 1 AND NOT bool_or(status = 'erased'))
), seen AS (
  INSERT INTO visitors AS v (organisation_id, blind, seen_at)
  SELECT :organisation, decode(s.visitor, 'hex'), :now FROM (
    SELECT DISTINCT g.visitor FROM given g WHERE g.visitor IS NOT NULL AND NOT EXISTS (SELECT FROM whose w WHERE w.n = g.n)
    ORDER BY g.visitor) AS s
  ON CONFLICT (organisation_id, blind) DO UPDATE SET seen_at = GREATEST(v.seen_at, EXCLUDED.seen_at)
  RETURNING v.id, v.contact_id, encode(v.blind, 'hex') AS visitor
), meant AS MATERIALIZED (
  SELECT g.*, v.id AS visitor_id, COALESCE(w.id, c.id) AS contact_id,
    CASE WHEN w.people > 1 THEN 'ambiguous' WHEN w.is_erased OR c.status = 'erased' THEN 'erased'
      WHEN w.id IS NULL AND v.id IS NULL THEN 'unknown' END AS why
  FROM given g
  LEFT JOIN whose w ON w.n = g.n
  LEFT JOIN seen v ON v.visitor = g.visitor AND w.n IS NULL
  LEFT JOIN live.contacts c ON c.id = v.contact_id AND c.deleted_at IS NULL AND num_nulls(g.contact, g.external_id, g.blind) = 3
), keyed AS (
  INSERT INTO event_keys (organisation_id, key, event_id, digest, received_at)
  SELECT :organisation, k.key, k.id, decode(k.digest, 'hex'), :now FROM (
    SELECT DISTINCT ON (m.key) m.key, m.id, m.digest FROM meant m WHERE m.key IS NOT NULL AND m.why IS NULL ORDER BY m.key, m.n) AS k
  ON CONFLICT (organisation_id, key) DO NOTHING
  RETURNING event_id
), kept AS (
  INSERT INTO events (id, organisation_id, occurred_at, contact_id, visitor_id, name, properties, source, is_verified, received_at)
  SELECT m.id, :organisation, m.occurred_at, m.contact_id, m.visitor_id, m.name, m.properties, :source, :is_verified, :now
  FROM meant m WHERE m.why IS NULL AND (m.key IS NULL OR m.id IN (SELECT event_id FROM keyed))
  RETURNING id, contact_id, name, occurred_at
), woken AS (
  INSERT INTO event_wakes (organisation_id, consumer, event_id, occurred_at, contact_id, name)
  SELECT :organisation, i.consumer, k.id, k.occurred_at, k.contact_id, k.name
  FROM kept k JOIN (SELECT DISTINCT consumer, name FROM live.event_interests) AS i ON i.name = k.name
  WHERE k.contact_id IS NOT NULL AND (i.consumer = 'segments' OR k.occurred_at > :fresh)
  RETURNING consumer
)
SELECT m.n, m.why, NULL AS consumer FROM meant m LEFT JOIN kept k ON k.id = m.id WHERE k.id IS NULL
UNION ALL
SELECT NULL, NULL, w.consumer FROM (SELECT DISTINCT consumer FROM woken) AS w
WHERE NOT EXISTS (SELECT FROM live.event_wakes e WHERE e.consumer = w.consumer);

-- name: take
-- The wakes of a consumer, taken away, with their events. In a month of their own each: the partition is known.
WITH taken AS (
  DELETE FROM event_wakes WHERE id = ANY(ARRAY(
    SELECT w.id FROM event_wakes w WHERE w.consumer = :consumer ORDER BY w.id LIMIT :most FOR UPDATE SKIP LOCKED))
  RETURNING id, event_id, occurred_at, contact_id
)
SELECT t.event_id, t.contact_id, e.name, e.properties, t.occurred_at, e.is_verified
FROM taken t JOIN events e ON e.id = t.event_id AND e.occurred_at = t.occurred_at
ORDER BY t.id;

-- name: digests
-- What was said under some keys.
SELECT key, encode(digest, 'hex') AS digest FROM live.event_keys WHERE key = ANY(CAST(:keys AS text[]));
