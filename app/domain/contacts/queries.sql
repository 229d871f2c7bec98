-- Contacts, by the set.

-- name: zones
-- The zones people are in, each once: from one to the next by the index, so that it costs the same however many people there are.
WITH RECURSIVE known AS (
  (SELECT timezone FROM live.contacts WHERE timezone IS NOT NULL ORDER BY timezone LIMIT 1)
  UNION ALL
  SELECT (SELECT c.timezone FROM live.contacts c WHERE c.timezone > known.timezone ORDER BY c.timezone LIMIT 1)
  FROM known WHERE known.timezone IS NOT NULL
)
SELECT timezone FROM known WHERE timezone IS NOT NULL;
