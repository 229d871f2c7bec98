-- What happens to messages, for whoever waits for it.

-- name: tell
-- Of some messages what is waited for of their sends, if it is so now. :dids is what may be new.
INSERT INTO message_wakes (organisation_id, contact_id, occurrence_id, source_id, did, at)
SELECT m.organisation_id, m.contact_id, m.occurrence_id, s.source_id, d.did, :now
FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[])) AS t (occurrence_id, id)
JOIN messages m ON m.occurrence_id = t.occurrence_id AND m.id = t.id
JOIN sends s ON s.id = m.send_id
CROSS JOIN LATERAL unnest(s.tells) AS d (did)
WHERE m.id = ANY(CAST(:ids AS uuid[])) AND m.occurrence_id BETWEEN :oldest AND :newest AND d.did = ANY(CAST(:dids AS text[]))
  AND CASE d.did WHEN 'sent' THEN m.state = 'sent' WHEN 'delivered' THEN m.state = 'delivered'
    WHEN 'failed' THEN m.state IN ('failed', 'undeliverable') WHEN 'bounced' THEN m.state = 'failed' AND m.sent_at IS NOT NULL
    ELSE true END;

-- name: take
-- What waits, taken away, the oldest first.
WITH taken AS (
  DELETE FROM message_wakes WHERE id = ANY(ARRAY(SELECT id FROM message_wakes ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED))
  RETURNING id, contact_id, occurrence_id, source_id, reply_id, did, at
)
SELECT contact_id, occurrence_id, source_id, reply_id, did, at FROM taken ORDER BY id;

-- name: listen
-- Sends that are there already tell of it, too; :source is null for all of them.
UPDATE sends SET tells = array_append(COALESCE(tells, '{}'), :did)
WHERE (CAST(:source AS uuid) IS NULL OR source_id = :source) AND NOT :did = ANY(COALESCE(tells, '{}'));
