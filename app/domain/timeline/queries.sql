-- One person's history, a select for each kind of lines: when it was, the key that makes the order whole where two things were at
-- once, what happened, what it is about (a message, a run, an event), and what is known of it.

-- name: event
-- What he did.
SELECT occurred_at AS at, 'event ' || id AS key, 'event' AS kind, name AS action, id AS about,
  jsonb_build_object('properties', properties, 'source', source, 'is_verified', is_verified) AS data
FROM live.events WHERE contact_id = :contact;

-- name: message
-- What was sent to him, several lines a message (left out, sent, how it ended, opened, clicked), and what he answered. Opens and
-- clicks are those of a person.
SELECT s.at, 'message ' || m.id || ' ' || s.place AS key, 'message' AS kind, s.action, m.id AS about,
  jsonb_build_object('channel', m.channel, 'reason', m.reason, 'source_kind', d.source_kind, 'source', d.source_name,
    'source_id', d.source_id) AS data
FROM live.messages m
JOIN live.sends d ON d.id = m.send_id
CROSS JOIN LATERAL (VALUES
  (1, 'sent', m.sent_at),
  (2, m.state, CASE WHEN m.state NOT IN ('queued', 'sending', 'in_doubt', 'sent') THEN COALESCE(m.final_at, m.created_at) END),
  (3, 'opened', m.opened_at), (4, 'clicked', m.clicked_at)) AS s (place, action, at)
WHERE m.contact_id = :contact AND s.at IS NOT NULL
UNION ALL
SELECT r.written_at, 'message ' || r.id || ' 5', 'message', 'replied', r.id,
  jsonb_build_object('channel', r.channel, 'meaning', r.meaning)
FROM live.replies r
WHERE r.blind IN (SELECT a.blind FROM live.contact_addresses a WHERE a.contact_id = :contact);

-- name: consent
-- What he allowed and took back.
SELECT at, 'consent ' || lpad(CAST(id AS text), 20, '0') AS key, 'consent' AS kind, state AS action, CAST(NULL AS uuid) AS about,
  jsonb_build_object('channels', channels, 'purpose', purpose, 'basis', basis, 'source', source) AS data
FROM live.consent_entries WHERE contact_id = :contact;

-- name: import
-- That he came in with a file, and when a file wrote him last. Files leave no act of their own at each person: who was not made by
-- hand or by a system came with one, and whoever a file wrote last still carries its hash.
SELECT s.at, 'import ' || s.action AS key, 'import' AS kind, s.action, CAST(NULL AS uuid) AS about, jsonb_build_object() AS data
FROM live.contacts c
CROSS JOIN LATERAL (VALUES
  ('imported', CASE WHEN NOT EXISTS (SELECT FROM live.audit_entries e WHERE e.subject_kind = 'contact'
    AND e.subject_id = CAST(c.id AS text) AND e.action = 'contact.created') THEN c.created_at END),
  ('updated', CASE WHEN c.content_hash IS NOT NULL AND c.updated_at > c.created_at THEN c.updated_at END)) AS s (action, at)
WHERE c.id = :contact AND s.at IS NOT NULL;

-- name: flow
-- His steps through flows, each by the kind that its version has it as.
SELECT l.at, 'flow ' || lpad(CAST(l.id AS text), 20, '0') AS key, 'flow' AS kind, l.kind AS action, r.flow_id AS about,
  jsonb_build_object('run', r.id, 'step', l.step, 'port', l.port, 'flow', f.name, 'type', jsonb_path_query_first(v.definition, '$.lane.** ? (@.id == $step).type',
    jsonb_build_object('step', l.step)) #>> '{}') AS data
FROM live.flow_runs r
JOIN live.flows f ON f.id = r.flow_id
JOIN live.flow_log l ON l.run_id = r.id
JOIN live.flow_versions v ON v.id = l.version_id
WHERE r.contact_id = :contact;

-- name: change
-- What people and systems did with his record; a consent is a line of its own already.
SELECT at, 'change ' || lpad(CAST(seq AS text), 20, '0') AS key, 'change' AS kind, action, CAST(NULL AS uuid) AS about,
  jsonb_build_object('actor_kind', actor_kind, 'actor_name', actor_name, 'before', before, 'after', after) AS data
FROM live.audit_entries WHERE subject_kind = 'contact' AND subject_id = CAST(CAST(:contact AS uuid) AS text)
  AND action NOT IN ('consent.granted', 'consent.withdrawn');
