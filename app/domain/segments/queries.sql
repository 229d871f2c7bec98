-- What the builder of segments offers.

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
