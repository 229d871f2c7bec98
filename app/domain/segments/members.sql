-- The members of segments, by the set.

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

-- name: growth
-- How many came and went on each day of the organisation; `was` are those who were in it already when it was first counted.
SELECT CAST(at AT TIME ZONE :zone AS date) AS day, count(*) FILTER (WHERE entered) AS came,
  count(*) FILTER (WHERE NOT entered) AS went, count(*) FILTER (WHERE reason = 'first_count') AS was
FROM live.segment_moves WHERE segment_id = :segment AND at >= :since GROUP BY day;

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
