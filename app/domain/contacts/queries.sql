-- Contacts, by the set.

-- name: take_unread
-- A part of what is to be read, the oldest first; what another worker has in its hands is left to it.
DELETE FROM unread_names WHERE id = (
  SELECT id FROM unread_names WHERE organisation_id = :organisation AND due_at <= :now
  ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING contact_ids;

-- name: held
-- The people of it. They cannot be changed or erased until their names are kept: those would be of somebody who was.
SELECT id, key, person FROM contacts WHERE id = ANY(:ids) AND status <> 'erased' ORDER BY id FOR SHARE;

-- name: keep_names
-- One row a contact. Whoever was sealed again meanwhile has his already.
INSERT INTO contact_names (organisation_id, contact_id, first_name, last_name, beginnings)
SELECT :organisation, id, first_name, last_name, CAST(beginnings AS bigint[])
FROM unnest(CAST(:ids AS uuid[]), CAST(:first_names AS bigint[]), CAST(:last_names AS bigint[]), CAST(:beginnings AS text[]))
  AS found (id, first_name, last_name, beginnings)
ON CONFLICT (contact_id) DO NOTHING;

-- name: more_unread
-- Whether something is left that nobody has in his hands.
SELECT id FROM unread_names LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: zones
-- The zones people are in, each once: from one to the next by the index, so that it costs the same however many people there are.
WITH RECURSIVE known AS (
  (SELECT timezone FROM live.contacts WHERE timezone IS NOT NULL ORDER BY timezone LIMIT 1)
  UNION ALL
  SELECT (SELECT c.timezone FROM live.contacts c WHERE c.timezone > known.timezone ORDER BY c.timezone LIMIT 1)
  FROM known WHERE known.timezone IS NOT NULL
)
SELECT timezone FROM known WHERE timezone IS NOT NULL;
