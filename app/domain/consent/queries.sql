-- Who must not be written to, by the set.

-- name: keep_restrictions
-- A batch of what the core bank says; who is told of again stays, with the moment of this feed. What comes back are the numbers of
-- nobody we know.
WITH given AS (
  SELECT DISTINCT ON (g.external_id, g.flag) g.*, c.id AS contact_id
  FROM unnest(CAST(:customers AS text[]), CAST(:flags AS text[]), CAST(:sinces AS date[])) AS g (external_id, flag, since)
  LEFT JOIN live.contacts c ON c.external_id = g.external_id
), kept AS (
  INSERT INTO contact_restrictions (organisation_id, contact_id, flag, since, fed_at)
  SELECT :organisation, contact_id, flag, since, :fed FROM given WHERE contact_id IS NOT NULL
  ON CONFLICT (contact_id, flag) DO UPDATE SET since = EXCLUDED.since, fed_at = EXCLUDED.fed_at
)
SELECT DISTINCT external_id FROM given WHERE contact_id IS NULL;

-- name: compare_restrictions
-- How many there were before a feed, and how many of them it did not speak of: those it lifts.
SELECT count(*) AS had, count(*) FILTER (WHERE fed_at < :fed) AS lifted
FROM contact_restrictions WHERE organisation_id = :organisation;

-- name: lift_restrictions
-- What a whole feed did not speak of is over.
DELETE FROM contact_restrictions WHERE organisation_id = :organisation AND fed_at < :fed;
