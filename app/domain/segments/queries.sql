-- The members of segments, by the set, and what the builder offers.

-- name: lock_members
-- Hold the members of these segments, in the order they are given: everybody takes them in the order of their ids, so that two never
-- wait for each other. Not the rows of the segments, which whoever edits one needs.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(id AS text), 7)) FROM unnest(CAST(:ids AS uuid[])) AS id;

-- name: take_wakes
-- The contacts who are to be looked at again, longest waiting first; what another worker has in its hands is left to it.
DELETE FROM segment_wakes WHERE id IN (
  SELECT id FROM segment_wakes WHERE organisation_id = :organisation ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING contact_id, reads, reason;

-- name: change_sizes
-- A few came or went. The size of a segment that is due as a whole is found with that.
UPDATE segments SET size = size + more, counted_at = :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:more AS int[])) AS moved (segment_id, more)
WHERE segments.id = segment_id AND due_at IS NULL;

-- name: make_due
-- What time alone makes due: everything once an hour, as a net; what asks for today once the day is another one; what asks for
-- messages every minute, or as seldom as it takes for all of these together to keep a tenth of one processor busy at most.
WITH busy AS (
  SELECT coalesce(sum(took_ms), 0) * interval '10 milliseconds' AS pause
  FROM live.segments WHERE archived_at IS NULL AND 'messages' = ANY (reads)
)
UPDATE segments SET due_at = :now, due_reason = CASE WHEN is_message THEN 'message' ELSE 'recount' END
FROM (
  SELECT id, is_message FROM busy, live.segments, LATERAL (SELECT
    coalesce(refreshed_at < :hour_ago OR ('relative' = ANY (reads) AND refreshed_at < :midnight), true) AS is_old,
    'messages' = ANY (reads) AND refreshed_at < CAST(:now AS timestamptz) - greatest(interval '1 minute', pause) AS is_message
  ) AS judged
  WHERE archived_at IS NULL AND due_at IS NULL AND (is_old OR is_message)
) AS late WHERE segments.id = late.id;

-- name: event_names
-- The names of events there are, by name: from one name to the next in the index, so that nobody reads five million rows for ten names.
WITH RECURSIVE known AS (
  (SELECT name FROM live.events ORDER BY name LIMIT 1)
  UNION ALL
  SELECT (SELECT e.name FROM live.events e WHERE e.name > known.name ORDER BY e.name LIMIT 1) FROM known WHERE known.name IS NOT NULL
)
SELECT name FROM known WHERE name IS NOT NULL LIMIT :most;

-- name: event_properties
-- What the last five hundred events of a name are told with, by name.
SELECT DISTINCT key FROM (
  SELECT properties FROM live.events WHERE name = :name ORDER BY occurred_at DESC LIMIT 500
) AS latest CROSS JOIN LATERAL jsonb_object_keys(properties) AS key
ORDER BY key LIMIT 50;
