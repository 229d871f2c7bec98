-- Messages, by the set. Base tables are named here because rows are changed; every statement names its send or its ids, so that
-- row-level security costs nothing beside the index. Where rows are given as pairs (occurrence, id), the ids stand alone once more,
-- and the oldest and newest occurrence beside them: so they are looked up in their partitions, also while the planner takes the
-- table for empty. Joined only, a window of 25 read every message of its send.

-- name: claim
-- Rows of one send that are due, of all its occurrences, leased to one worker. A lease that ended gives the row back without
-- harm: nothing was written for it yet. Leases are the machine's time, not the business clock.
UPDATE messages SET lease_token = :token, lease_until = clock_timestamp() + interval '2 minutes'
WHERE (occurrence_id, id) IN (
  SELECT occurrence_id, id FROM messages
  WHERE send_id = :send AND occurrence_id >= :first AND state = 'queued' AND due_at <= :now
    AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
  AND occurrence_id >= :first
RETURNING occurrence_id, id, contact_id, address_position, address_blind, attempts, payload;

-- name: recipients
-- What rendering needs of the people of a claim. Key and person are sealed; they are opened in the worker, just before sending.
SELECT id, key, person, external_id, language, gender, city, country, timezone, properties
FROM live.contacts WHERE id = ANY(:contacts) AND deleted_at IS NULL;

-- name: intend
-- The gate and the intent in one: for a window the send's state, the contact, consent and suppression are looked at again, and
-- what may go becomes "sending", and what it says is kept with the attempt. Committed before the first byte is written. What may
-- not go ends as a skip with its reason.
WITH given AS (
  SELECT * FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[]), CAST(:languages AS text[]), CAST(:sealed AS bytea[]))
    AS g (occurrence_id, id, language, sealed)
), mine AS MATERIALIZED (
  SELECT occurrence_id, id, organisation_id, send_id, contact_id, channel, address_blind FROM messages
  WHERE id = ANY(:ids) AND occurrence_id BETWEEN :oldest AND :newest
), wanted AS (
  SELECT m.occurrence_id, m.id, CASE
      WHEN p.id IS NULL THEN 'deleted'
      WHEN s.message_class = 'marketing' AND c.state IS DISTINCT FROM 'granted' THEN 'no_consent'
      WHEN x.id IS NOT NULL THEN 'suppressed' END AS reason,
    c.entry_id, g.language, g.sealed
  FROM given g
  JOIN mine m ON m.occurrence_id = g.occurrence_id AND m.id = g.id
  JOIN sends s ON s.id = m.send_id AND s.state = 'running' AND s.not_after > :now AND s.digest IS NOT DISTINCT FROM :digest
  LEFT JOIN contacts p ON p.id = m.contact_id AND p.deleted_at IS NULL
  LEFT JOIN consent_states c ON c.contact_id = m.contact_id AND c.channel = m.channel AND c.purpose = 'marketing'
  LEFT JOIN suppressions x ON x.organisation_id = m.organisation_id AND x.channel = m.channel AND x.blind = m.address_blind
    AND x.lifted_at IS NULL AND (s.message_class = 'marketing' OR x.reason <> 'opt_out')
), moved AS (
  UPDATE messages m SET
    state = CASE WHEN w.reason IS NULL THEN 'sending' ELSE 'skipped' END,
    rank = CASE WHEN w.reason IS NULL THEN 30 ELSE 90 END,
    reason = w.reason,
    final_at = CASE WHEN w.reason IS NOT NULL THEN :now END,
    attempts = m.attempts + (w.reason IS NULL)::int,
    provider_account_id = :account,
    consent_entry_id = w.entry_id,
    language = w.language,
    lease_until = clock_timestamp() + interval '2 minutes'
  FROM wanted w
  WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest
    AND m.occurrence_id = w.occurrence_id AND m.id = w.id AND m.state = 'queued' AND m.lease_token = :token
  RETURNING m.organisation_id, m.occurrence_id, m.id, m.attempts, m.state, w.sealed
), noted AS (
  INSERT INTO attempts (organisation_id, occurrence_id, message_id, number, provider_account_id, started_at, sealed)
  SELECT organisation_id, occurrence_id, id, attempts, :account, :now, sealed FROM moved WHERE state = 'sending'
)
SELECT id FROM moved WHERE state = 'sending';

-- name: keep_links
-- The short codes in the texts of a window: committed with its intent, so that no text goes out with a link that leads nowhere.
INSERT INTO short_links (code, organisation_id, occurrence_id, message_id)
SELECT t.code, m.organisation_id, m.occurrence_id, m.id
FROM unnest(CAST(:codes AS bigint[]), CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[])) AS t (code, occurrence_id, id)
JOIN messages m ON m.occurrence_id = t.occurrence_id AND m.id = t.id
WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest;

-- name: record
-- What became of a window. "Accepted" is a fact and needs no token; the way back to "queued" is only for this worker's own,
-- definitely not sent, attempt. :told is a JSON list of records (outcomes.py).
WITH told AS (
  SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS t (occurrence_id uuid, id uuid, state text, rank smallint,
    reason text, reference text, parts smallint, cost numeric, due timestamptz, outcome text, error text)
), moved AS (
  UPDATE messages m SET
    state = t.state, rank = t.rank, reason = CASE WHEN t.state = 'failed' THEN t.reason END,
    provider_reference = COALESCE(t.reference, m.provider_reference),
    parts = COALESCE(t.parts, m.parts), cost = COALESCE(t.cost, m.cost),
    due_at = COALESCE(t.due, m.due_at),
    sent_at = CASE WHEN t.state = 'sent' THEN :now ELSE m.sent_at END,
    final_at = CASE WHEN t.state = 'failed' THEN :now ELSE m.final_at END,
    doubt_at = CASE WHEN t.state = 'in_doubt' THEN clock_timestamp() ELSE m.doubt_at END,
    lease_token = NULL, lease_until = NULL
  FROM told t
  WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest AND m.occurrence_id = t.occurrence_id AND m.id = t.id
    AND (m.rank < t.rank OR (t.state = 'queued' AND m.state = 'sending' AND m.lease_token = :token))
  RETURNING m.id, m.attempts
)
UPDATE attempts a SET finished_at = :now, outcome = t.outcome, category = t.reason, error = t.error,
  provider_reference = t.reference
FROM told t
WHERE a.message_id = ANY(:ids) AND a.occurrence_id = ANY(:occurrences) AND a.occurrence_id BETWEEN :oldest AND :newest
  AND a.occurrence_id = t.occurrence_id AND a.message_id = t.id
  AND a.provider_account_id = :account AND a.finished_at IS NULL;

-- name: release
-- Give claimed rows back at once: the provider is down, or the worker's time is over.
UPDATE messages m SET lease_token = NULL, lease_until = NULL
FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[])) AS t (occurrence_id, id)
WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest AND m.occurrence_id = t.occurrence_id AND m.id = t.id
  AND m.state = 'queued' AND m.lease_token = :token;

-- name: finish_claimed
-- Claimed rows that will not be sent, with the reason why (a text that cannot be rendered, an address that is gone).
UPDATE messages m SET state = t.state, rank = t.rank, reason = t.reason, final_at = :now, lease_token = NULL, lease_until = NULL
FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:ranks AS smallint[]),
  CAST(:reasons AS text[])) AS t (occurrence_id, id, state, rank, reason)
WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest AND m.occurrence_id = t.occurrence_id AND m.id = t.id
  AND m.state = 'queued' AND m.lease_token = :token;

-- name: doubt_abandoned
-- A worker died, or froze, between its intent and its record: what it was sending may have been accepted.
UPDATE messages SET state = 'in_doubt', rank = 40, doubt_at = clock_timestamp(), lease_token = NULL, lease_until = NULL
WHERE state = 'sending' AND lease_token IS NOT NULL AND lease_until < clock_timestamp();

-- name: expire_late
-- Texts out of date end as expired instead of being sent next morning.
UPDATE messages m SET state = 'expired', rank = 90, reason = 'expired', final_at = :now, lease_token = NULL, lease_until = NULL
FROM sends s
WHERE s.id = m.send_id AND m.occurrence_id >= s.first_occurrence AND s.state IN ('running', 'paused') AND s.not_after <= :now
  AND m.state = 'queued' AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp());

-- name: cancel_send
-- Everything of a send that was not handed over yet ends as cancelled; what is on the wire arrives.
UPDATE messages m SET state = 'cancelled', rank = 90, reason = 'cancelled', final_at = :now, lease_token = NULL, lease_until = NULL
FROM sends s
WHERE s.id = :send AND m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state = 'queued';

-- name: drain
-- Sends with nothing left to hand over; a stopped one stays stopped. Messages in doubt do not hold a send open: they have a page
-- and a policy of their own.
UPDATE sends s SET state = CASE s.state WHEN 'running' THEN 'drained' ELSE s.state END, drained_at = :now
WHERE s.state IN ('running', 'stopped') AND s.drained_at IS NULL AND NOT EXISTS (
  SELECT FROM messages m WHERE m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state IN ('queued', 'sending'))
RETURNING s.id, s.source_kind, s.source_id;

-- name: is_due
-- Whether a channel has something to claim now, for the sweeper; marketing only in the allowed hours.
SELECT EXISTS (SELECT FROM sends s
WHERE s.channel = :channel AND s.state = 'running' AND s.not_before <= :now AND s.not_after > :now
AND (:open OR s.message_class <> 'marketing' OR s.source_kind = :test) AND EXISTS (
  SELECT FROM messages m WHERE m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state = 'queued' AND m.due_at <= :now
    AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp())));

-- name: doubts
-- Messages in doubt for longer than the settling time, oldest first, with what the account's look-up needs.
SELECT m.occurrence_id, m.id, m.doubt_at, m.provider_account_id, s.message_class FROM messages m JOIN sends s ON s.id = m.send_id
WHERE m.state = 'in_doubt' AND m.doubt_at < clock_timestamp() - make_interval(secs => :settle)
  AND m.provider_account_id = :account
ORDER BY m.doubt_at LIMIT :most;

-- name: known_good
-- References the account certainly accepted: the positive control before its word "absent" is believed.
SELECT occurrence_id, id FROM messages
WHERE provider_account_id = :account AND provider_reference IS NOT NULL AND rank BETWEEN 50 AND 70
ORDER BY sent_at DESC NULLS LAST LIMIT 3;

-- name: resolve_found
-- It was handed over when it was tried, however late that is known.
UPDATE messages m SET state = 'sent', rank = 50, provider_reference = COALESCE(provider_reference, :reference),
  sent_at = COALESCE(sent_at, (SELECT max(started_at) FROM attempts a
    WHERE a.occurrence_id = m.occurrence_id AND a.message_id = m.id), :now)
WHERE m.occurrence_id = :occurrence AND m.id = :id AND m.rank < 50;

-- name: resolve_absent
-- Compare-and-set on the doubt itself: an old answer must not requeue a newer doubt. What was stopped meanwhile is not sent.
UPDATE messages m SET state = CASE s.state WHEN 'stopped' THEN 'cancelled' ELSE 'queued' END,
  rank = CASE s.state WHEN 'stopped' THEN 90 ELSE 10 END,
  reason = CASE s.state WHEN 'stopped' THEN 'cancelled' END,
  final_at = CASE s.state WHEN 'stopped' THEN CAST(:now AS timestamptz) END,
  due_at = :now, doubt_at = NULL
FROM sends s
WHERE m.occurrence_id = :occurrence AND m.id = :id AND m.state = 'in_doubt' AND m.doubt_at = :doubt
  AND s.id = m.send_id
RETURNING m.state;

-- name: keep_receipts
-- The inbox: one row per provider event, however often it is delivered.
INSERT INTO receipts (provider_account_id, event_key, organisation_id, kind, category, code, occurrence_id, message_id,
  provider_reference, occurred_at, received_at, due_at)
SELECT :account, t.key, :organisation, t.kind, t.category, t.code, t.occurrence, t.message, t.reference, t.occurred, :now, :now
FROM unnest(CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:categories AS text[]), CAST(:codes AS text[]),
  CAST(:occurrences AS uuid[]), CAST(:messages AS uuid[]), CAST(:references AS text[]), CAST(:occurreds AS timestamptz[]))
  AS t (key, kind, category, code, occurrence, message, reference, occurred)
ON CONFLICT DO NOTHING;

-- name: take_receipts
-- Receipts that are due; those that matched nothing are tried again for seven days, with ever longer pauses.
SELECT provider_account_id, event_key FROM receipts
WHERE applied_at IS NULL AND due_at <= :now AND received_at > CAST(:now AS timestamptz) - interval '7 days'
ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED;

-- name: apply_receipts
-- Several receipts of one message may come at once, in any order: the highest rank wins, and only ever raises the state.
WITH taken AS (
  SELECT r.provider_account_id, r.event_key, r.kind, r.category, r.provider_reference, r.occurred_at,
    m.occurrence_id, m.id,
    CASE r.kind WHEN 'delivered' THEN 70 WHEN 'failed' THEN 65 WHEN 'bounced' THEN 65 WHEN 'undeliverable' THEN 60 ELSE 50 END
      AS rank
  FROM receipts r
  JOIN unnest(CAST(:accounts AS uuid[]), CAST(:keys AS text[])) AS t (account, key)
    ON r.provider_account_id = t.account AND r.event_key = t.key
  JOIN messages m ON m.occurrence_id = r.occurrence_id AND m.id = r.message_id
), highest AS (
  SELECT DISTINCT ON (occurrence_id, id) * FROM taken WHERE kind <> 'complained' ORDER BY occurrence_id, id, rank DESC
), moved AS (
  UPDATE messages m SET rank = h.rank,
    state = CASE h.rank WHEN 70 THEN 'delivered' WHEN 65 THEN 'failed' WHEN 60 THEN 'undeliverable' ELSE 'sent' END,
    reason = CASE WHEN h.rank IN (60, 65) THEN COALESCE(h.category, h.kind) END,
    provider_reference = COALESCE(m.provider_reference, h.provider_reference),
    sent_at = COALESCE(m.sent_at, h.occurred_at),
    final_at = CASE WHEN h.rank >= 60 THEN :now ELSE m.final_at END,
    lease_token = NULL, lease_until = NULL
  FROM highest h
  WHERE m.occurrence_id = h.occurrence_id AND m.id = h.id AND m.rank < h.rank
), done AS (
  UPDATE receipts r SET applied_at = :now, result = 'applied'
  FROM taken t WHERE r.provider_account_id = t.provider_account_id AND r.event_key = t.event_key
  RETURNING r.event_key
)
SELECT t.kind, t.category, m.channel, m.address_blind
FROM taken t JOIN messages m ON m.occurrence_id = t.occurrence_id AND m.id = t.id
WHERE t.kind IN ('bounced', 'complained') OR t.category IN ('opted_out', 'invalid_number');

-- name: leave_unmatched
-- Again after as long as it has waited already: at least half a minute, at most an hour.
UPDATE receipts r SET result = 'unmatched', due_at = CAST(:now AS timestamptz)
  + LEAST(GREATEST(CAST(:now AS timestamptz) - r.received_at, interval '30 seconds'), interval '1 hour')
FROM unnest(CAST(:accounts AS uuid[]), CAST(:keys AS text[])) AS t (account, key)
WHERE r.provider_account_id = t.account AND r.event_key = t.key AND r.applied_at IS NULL;
