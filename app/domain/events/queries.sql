-- Events by the set: one statement for a call, whether it tells of one event or of a thousand.

-- name: record
-- A batch of events with their keys and wakes. What comes back is what was not kept: nobody is meant, several are, or he was
-- erased, or the key is taken (`why` is null: the caller compares what was said with it); and the consumers to ring for, those
-- that had nothing waiting. A visitor who is known already tells for his contact. Whom a page names wrongly is its visitor
-- (tracking.py). What happened more than a day ago is history: segments count it, and it starts no flow. Visitors and keys are
-- locked in their order, so that two batches wait for each other and never both.
WITH given AS MATERIALIZED (
  SELECT g.*, uuidv7() AS id FROM json_to_recordset(CAST(:batch AS json)) AS g (n int, contact uuid, external_id text, kind text,
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
    SELECT DISTINCT ON (m.key COLLATE "C") m.key, m.id, m.digest FROM meant m WHERE m.key IS NOT NULL AND m.why IS NULL
    ORDER BY m.key COLLATE "C", m.n) AS k
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

-- name: tie
-- A visitor is a contact: his events that were nobody's are the contact's, and those of the last day are told to who waits.
WITH v AS (
  INSERT INTO visitors AS v (organisation_id, blind, contact_id, seen_at, known_at)
  VALUES (:organisation, :blind, :contact, :now, :now)
  ON CONFLICT (organisation_id, blind) DO UPDATE SET contact_id = EXCLUDED.contact_id, seen_at = EXCLUDED.seen_at,
    known_at = CASE WHEN v.contact_id = EXCLUDED.contact_id THEN v.known_at ELSE EXCLUDED.known_at END
  RETURNING v.id
), claimed AS (
  UPDATE events e SET contact_id = :contact FROM v WHERE e.visitor_id = v.id AND e.contact_id IS NULL
  RETURNING e.id, e.occurred_at, e.name
), woken AS (
  INSERT INTO event_wakes (organisation_id, consumer, event_id, occurred_at, contact_id, name)
  SELECT :organisation, i.consumer, c.id, c.occurred_at, :contact, c.name
  FROM claimed c JOIN (SELECT DISTINCT consumer, name FROM live.event_interests) AS i ON i.name = c.name
  WHERE i.consumer = 'segments' OR c.occurred_at > :fresh
  RETURNING consumer
)
SELECT (SELECT count(*) FROM claimed) AS events, (SELECT array_agg(DISTINCT consumer) FROM woken) AS consumers;

-- name: see
-- A visitor is there, locked, and what was said of him before.
INSERT INTO visitors AS v (organisation_id, blind, seen_at) VALUES (:organisation, :blind, :now)
ON CONFLICT (organisation_id, blind) DO UPDATE SET seen_at = EXCLUDED.seen_at
RETURNING v.said;

-- name: say
-- What was said of a visitor.
UPDATE visitors SET said = :said WHERE blind = :blind;

-- name: known
-- The names told since the first of a month, each by one step through the index of every month, however many events there are.
WITH RECURSIVE known AS (
  (SELECT name FROM live.events WHERE occurred_at >= :first ORDER BY name LIMIT 1)
  UNION ALL
  SELECT (SELECT e.name FROM live.events e WHERE e.name > k.name AND e.occurred_at >= :first ORDER BY e.name LIMIT 1)
  FROM known k WHERE k.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL;

-- name: names
-- How often each name was told in a day and in a month: the hours that were counted, and what came since, from the index alone.
WITH counted AS (
  SELECT name, sum(number) FILTER (WHERE hour >= :day) AS day, sum(number) AS month
  FROM live.event_hours WHERE hour >= :month GROUP BY name
)
SELECT k.name, CAST(COALESCE(c.day, 0) + n.day AS bigint) AS day, CAST(COALESCE(c.month, 0) + n.month AS bigint) AS month
FROM (
-- use: known
) AS k LEFT JOIN counted c ON c.name = k.name CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE e.occurred_at > :day) AS day, count(*) AS month FROM live.events e
  WHERE e.name = k.name AND e.occurred_at >= (SELECT COALESCE(max(hour) + interval '1 hour', :month) FROM live.event_hours)) AS n
WHERE COALESCE(c.month, 0) + n.month > 0
ORDER BY month DESC, name LIMIT 500;

-- name: count_hours
-- The hours that are over since a day before the last that was counted: until then an event may come late and still count.
INSERT INTO event_hours AS h (organisation_id, hour, name, number)
SELECT :organisation, n.hour, k.name, n.number FROM (
-- use: known
) AS k CROSS JOIN LATERAL (
  SELECT date_trunc('hour', e.occurred_at) AS hour, count(*) AS number FROM live.events e
  WHERE e.name = k.name AND e.occurred_at < date_trunc('hour', CAST(:now AS timestamptz)) AND e.occurred_at >= (
    SELECT GREATEST(date_trunc('hour', CAST(:month AS timestamptz)), max(hour) - interval '1 day') FROM live.event_hours)
  GROUP BY 1) AS n
WHERE true
ON CONFLICT (organisation_id, hour, name) DO UPDATE SET number = EXCLUDED.number WHERE h.number <> EXCLUDED.number;

-- name: forget_hours
DELETE FROM event_hours WHERE hour < :month;

-- name: forget_keys
-- Ids that were told long ago, the oldest first.
DELETE FROM event_keys WHERE (organisation_id, key) IN (
  SELECT k.organisation_id, k.key FROM live.event_keys k WHERE k.received_at < :until ORDER BY k.received_at LIMIT :most);

-- name: forget_visitors
-- Visitors who never became known, with their events. Who was seen meanwhile, or has just become known, is looked at again under
-- his lock, and stays.
WITH gone AS (
  DELETE FROM visitors WHERE contact_id IS NULL AND seen_at < :until AND id IN (
    SELECT v.id FROM live.visitors v WHERE v.contact_id IS NULL AND v.seen_at < :until LIMIT :most)
  RETURNING id
), theirs AS (
  DELETE FROM events WHERE contact_id IS NULL AND visitor_id IN (SELECT id FROM gone)
)
SELECT FROM gone;

-- name: make_up
-- Made-up events of so many people, for a demonstration: a bank's site is visited by day, some more than others, and of those who
-- look few apply. The numbers from :first on make them, so that two calls make different ones. In the order they happened, as
-- ids have it.
INSERT INTO events (organisation_id, occurred_at, contact_id, name, properties, source, is_verified, received_at)
SELECT :organisation, e.at, c.id, k.name,
  CASE k.name WHEN 'login' THEN jsonb_build_object('device', (ARRAY['app', 'web'])[1 + e.chance % 2])
    WHEN 'offer_viewed' THEN jsonb_build_object('offer', (ARRAY['home loan', 'deposit', 'credit card'])[1 + e.chance % 3])
    WHEN 'calculator_used' THEN jsonb_build_object('amount', 10000 * (1 + e.chance % 90), 'years', 5 * (1 + e.chance % 6))
    ELSE jsonb_build_object('product', 'home loan', 'amount', 10000 * (1 + e.chance % 90)) END,
  'api', true, e.at
FROM (
  SELECT CAST(:now AS timestamptz) - make_interval(secs => (h & 1048575) / 1048576.0 * CAST(:seconds AS float8)) AS at,
    (h >> 20) & 1023 AS chance, CAST(floor(power(((h >> 30) & 1048575) / 1048576.0, 2) * CAST(:people AS int)) AS int) AS place
  FROM (SELECT hashint8extended(n, 7) AS h FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n) AS hashed) AS e
JOIN (
  SELECT id, row_number() OVER (ORDER BY length(external_id), external_id, id) - 1 AS place
  FROM live.contacts WHERE deleted_at IS NULL AND status = 'active'
  ORDER BY length(external_id), external_id, id LIMIT :people) AS c ON c.place = e.place
JOIN (VALUES (0, 519, 'login'), (520, 759, 'offer_viewed'), (760, 919, 'calculator_used'), (920, 989, 'application_begun'),
  (990, 1023, 'application_sent')) AS k (low, high, name) ON e.chance BETWEEN k.low AND k.high
ORDER BY e.at;
