-- Messages, by the set. Base tables are named here because rows are changed; every statement names its send or its ids, so that
-- row-level security costs nothing beside the index. Where rows are given as pairs (occurrence, id), the ids stand alone once more,
-- and the oldest and newest occurrence beside them: so they are looked up in their partitions, also while the planner takes the
-- table for empty. Joined only, a window of 25 read every message of its send.

-- name: hold_retried
-- Whoever claims what is tried again, and may have to give its send more time, has the send first and the messages after, like
-- whoever stops it.
SELECT id FROM sends WHERE id = :send AND retry_until IS NOT NULL FOR NO KEY UPDATE;

-- name: claim
-- Rows of one send that are due, of all its occurrences, leased to one worker. A lease that ended gives the row back without
-- harm: nothing was written for it yet. Leases are the machine's time, not the business clock. :fresh is false when the send is
-- over: then only what is tried again goes out. What keeps the allowed hours (:keeps) and may not go yet where its person is, is
-- moved to when it may, and is not leased; of the rest those go first that wait longest; :opens are the moments of :zones. A zone that somebody has only just come into is looked at
-- again in a minute. A retry that is moved keeps its time to go out.
WITH found AS MATERIALIZED (
  SELECT occurrence_id, id, contact_id, due_at FROM messages
  WHERE send_id = :send AND occurrence_id >= :first AND state = 'queued' AND due_at <= :now
    AND (lease_until IS NULL OR lease_until < clock_timestamp()) AND (:fresh OR retries > 0)
  ORDER BY due_at LIMIT :look FOR UPDATE SKIP LOCKED
), early AS (
  SELECT f.occurrence_id, f.id, f.due_at, CASE WHEN NOT :keeps THEN :now ELSE COALESCE(z.opens, CAST(:now AS timestamptz) + interval '1 minute')
    END AS opens
  FROM found f LEFT JOIN contacts c ON :keeps AND c.id = f.contact_id
  LEFT JOIN unnest(CAST(:zones AS text[]), CAST(:opens AS timestamptz[])) AS z (zone, opens) ON z.zone = COALESCE(c.timezone, :zone)
), chosen AS (
  SELECT occurrence_id, id, opens, opens > :now AS is_early, row_number() OVER (PARTITION BY opens > :now ORDER BY due_at) AS place FROM early
), moved AS (
  UPDATE messages m SET
    due_at = CASE WHEN c.is_early THEN c.opens ELSE m.due_at END,
    lease_token = CASE WHEN NOT c.is_early THEN CAST(:token AS uuid) END,
    lease_until = CASE WHEN NOT c.is_early THEN clock_timestamp() + interval '2 minutes' END
  FROM chosen c
  WHERE m.id = ANY(ARRAY(SELECT id FROM chosen)) AND m.occurrence_id >= :first AND m.occurrence_id = c.occurrence_id AND m.id = c.id
    AND (c.is_early OR c.place <= :most)
  RETURNING m.occurrence_id, m.id, m.contact_id, m.address_position, m.address_blind, m.attempts, m.retries, m.payload, m.due_at,
    c.is_early
), prolonged AS (
  UPDATE sends SET retry_until = GREATEST(retry_until, late.due_at + :allowed)
  FROM (SELECT max(due_at) AS due_at FROM moved WHERE is_early AND retries > 0) AS late
  WHERE id = :send AND late.due_at + :allowed > retry_until
)
SELECT * FROM moved;

-- name: recipients
-- What rendering needs of the people of a claim. Key and person are sealed; they are opened in the worker, just before sending.
SELECT id, key, person, external_id, language, gender, city, country, timezone, properties
FROM live.contacts WHERE id = ANY(:contacts) AND deleted_at IS NULL;

-- name: take_turns
-- One window at a time for each person of it: what two sendings let through at once, neither would see of the other. In one order, so
-- that no two windows wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended(contact_id::text, 0)) FROM (
  SELECT DISTINCT contact_id FROM messages WHERE id = ANY(:ids) AND occurrence_id BETWEEN :oldest AND :newest ORDER BY contact_id) AS who;

-- name: intend
-- The gate and the intent in one: for a window the send's state, the contact, restrictions, consent, suppression and caps are looked at
-- again (`turn` counts what goes before it to the same person in the window), and what may go becomes "sending", and what it says is kept with the attempt. Committed before the first byte is written. What may
-- not go ends as a skip with its reason; a retry that may not go stays what it was, a failure.
WITH given AS (
  SELECT * FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[]), CAST(:languages AS text[]), CAST(:sealed AS bytea[]))
    AS g (occurrence_id, id, language, sealed)
), mine AS MATERIALIZED (
  SELECT occurrence_id, id, organisation_id, send_id, contact_id, channel, address_blind, retries,
    row_number() OVER (PARTITION BY contact_id ORDER BY occurrence_id, id) - 1 AS turn FROM messages
  WHERE id = ANY(:ids) AND occurrence_id BETWEEN :oldest AND :newest
), had AS MATERIALIZED (
  SELECT contact_id, channel, send_id, COALESCE(sent_at, doubt_at, :now) AS at FROM messages
  WHERE contact_id = ANY(ARRAY(SELECT contact_id FROM mine)) AND occurrence_id >= CAST(:cap_oldest AS uuid) AND id <> ALL(:ids)
    AND state = ANY(CAST(:uses AS text[]))
), wanted AS (
  SELECT m.occurrence_id, m.id, CASE
      WHEN p.id IS NULL THEN 'deleted'
      WHEN EXISTS (SELECT FROM contact_restrictions r WHERE r.contact_id = m.contact_id AND r.flag = ANY(CAST(:blocking AS text[])))
        THEN 'restricted'
      WHEN s.message_class = 'marketing' AND c.state IS DISTINCT FROM 'granted' THEN 'no_consent'
      WHEN x.id IS NOT NULL THEN 'suppressed'
      WHEN s.message_class = 'marketing' AND EXISTS (SELECT FROM restriction_feeds f WHERE f.organisation_id = m.organisation_id
        AND f.fed_at < CAST(:stale AS timestamptz)) THEN 'restriction_feed_stale'
      WHEN EXISTS (
        SELECT FROM unnest(CAST(:cap_channels AS text[]), CAST(:cap_most AS int[]), CAST(:cap_since AS timestamptz[])) AS k (channel, most, since)
        WHERE k.most <= m.turn + (SELECT count(*) FROM had h JOIN sends b ON b.id = h.send_id
          WHERE h.contact_id = m.contact_id AND h.at > k.since AND k.channel IN ('', h.channel)
            AND b.message_class = 'marketing' AND b.source_kind <> :test)) THEN 'frequency_cap' END AS reason,
    c.entry_id, g.language, g.sealed
  FROM given g
  JOIN mine m ON m.occurrence_id = g.occurrence_id AND m.id = g.id
  JOIN sends s ON s.id = m.send_id AND s.state = 'running' AND s.digest IS NOT DISTINCT FROM :digest
    AND (s.not_after > :now OR (m.retries > 0 AND s.retry_until > :now))
  LEFT JOIN contacts p ON p.id = m.contact_id AND p.deleted_at IS NULL
  LEFT JOIN consent_states c ON c.contact_id = m.contact_id AND c.channel = m.channel AND c.purpose = 'marketing'
  LEFT JOIN suppressions x ON x.organisation_id = m.organisation_id AND x.channel = m.channel AND x.blind = m.address_blind
    AND x.lifted_at IS NULL AND (s.message_class = 'marketing' OR x.reason <> 'opt_out')
), moved AS (
  UPDATE messages m SET
    state = CASE WHEN w.reason IS NULL THEN 'sending' WHEN m.retries > 0 THEN 'failed' ELSE 'skipped' END,
    rank = CASE WHEN w.reason IS NULL THEN 30 WHEN m.retries > 0 THEN 65 ELSE 90 END,
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
  RETURNING m.organisation_id, m.occurrence_id, m.id, m.attempts, m.retries, m.state, w.sealed
), noted AS (
  INSERT INTO attempts (organisation_id, occurrence_id, message_id, number, provider_account_id, started_at, sealed, retry)
  SELECT organisation_id, occurrence_id, id, attempts, :account, :now, sealed, retries FROM moved WHERE state = 'sending'
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
-- definitely not sent, attempt, or one that was refused and is tried again. :told is a JSON list of records (outcomes.py).
WITH told AS (
  SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS t (occurrence_id uuid, id uuid, state text, rank smallint,
    reason text, reference text, parts smallint, cost numeric, due timestamptz, outcome text, error text, again boolean)
), moved AS (
  UPDATE messages m SET
    state = t.state, rank = t.rank, reason = CASE WHEN t.state = 'failed' OR t.again THEN t.reason END,
    retries = m.retries + COALESCE(t.again, false)::int,
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
UPDATE messages m SET
  state = CASE WHEN m.retries > 0 THEN 'failed' ELSE t.state END, rank = CASE WHEN m.retries > 0 THEN 65 ELSE t.rank END,
  reason = t.reason, final_at = :now, lease_token = NULL, lease_until = NULL
FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:ranks AS smallint[]),
  CAST(:reasons AS text[])) AS t (occurrence_id, id, state, rank, reason)
WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest AND m.occurrence_id = t.occurrence_id AND m.id = t.id
  AND m.state = 'queued' AND m.lease_token = :token;

-- name: doubt_abandoned
-- A worker died, or froze, between its intent and its record: what it was sending may have been accepted.
UPDATE messages SET state = 'in_doubt', rank = 40, doubt_at = clock_timestamp(), lease_token = NULL, lease_until = NULL
WHERE state = 'sending' AND lease_token IS NOT NULL AND lease_until < clock_timestamp();

-- name: expire_late
-- Texts out of date end as expired instead of being sent next morning; what failed and waited for another try stays failed.
UPDATE messages m SET state = CASE WHEN m.retries > 0 THEN 'failed' ELSE 'expired' END,
  rank = CASE WHEN m.retries > 0 THEN 65 ELSE 90 END, reason = 'expired', final_at = :now, lease_token = NULL, lease_until = NULL
FROM sends s
WHERE s.id = m.send_id AND m.occurrence_id >= s.first_occurrence AND s.state IN ('running', 'paused') AND s.not_after <= :now
  AND (m.retries = 0 OR s.retry_until <= :now)
  AND m.state = 'queued' AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp());

-- name: cancel_send
-- Everything of a send that was not handed over yet ends as cancelled; what is on the wire arrives.
UPDATE messages m SET state = CASE WHEN m.retries > 0 THEN 'failed' ELSE 'cancelled' END,
  rank = CASE WHEN m.retries > 0 THEN 65 ELSE 90 END, reason = 'cancelled', final_at = :now, lease_token = NULL, lease_until = NULL
FROM sends s
WHERE s.id = :send AND m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state = 'queued';

-- name: cancel_stopped
-- What came back into the queue of a send after it was stopped: it was on the wire then, and was not taken.
UPDATE messages m SET state = CASE WHEN m.retries > 0 THEN 'failed' ELSE 'cancelled' END,
  rank = CASE WHEN m.retries > 0 THEN 65 ELSE 90 END, reason = 'cancelled', final_at = :now, lease_token = NULL, lease_until = NULL
FROM sends s
WHERE s.state = 'stopped' AND s.drained_at IS NULL AND m.send_id = s.id AND m.occurrence_id >= s.first_occurrence
  AND m.state = 'queued';

-- name: look_drained
-- Sends that seem to have nothing left, held until they are closed: what is put back into the queue meanwhile opens its send
-- behind us. Those that are being opened just now are passed by.
SELECT s.id FROM sends s WHERE s.state IN ('running', 'stopped') AND s.drained_at IS NULL AND NOT EXISTS (
  SELECT FROM messages m WHERE m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state IN ('queued', 'sending'))
FOR UPDATE SKIP LOCKED;

-- name: drain
-- Of these sends those with nothing left to hand over; a stopped one stays stopped. Messages in doubt do not hold a send open: they
-- have a page and a policy of their own.
UPDATE sends s SET state = CASE s.state WHEN 'running' THEN 'drained' ELSE s.state END, drained_at = :now
WHERE s.id = ANY(:sends) AND s.state IN ('running', 'stopped') AND s.drained_at IS NULL AND NOT EXISTS (
  SELECT FROM messages m WHERE m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state IN ('queued', 'sending'))
RETURNING s.id, s.source_kind, s.source_id;

-- name: is_due
-- Whether a channel has something to claim now, for the sweeper; marketing only in the allowed hours.
SELECT EXISTS (SELECT FROM sends s
WHERE s.channel = :channel AND s.state = 'running' AND s.not_before <= :now AND (s.not_after > :now OR s.retry_until > :now)
AND (:open OR s.message_class <> 'marketing' OR s.source_kind = :test) AND EXISTS (
  SELECT FROM messages m WHERE m.send_id = s.id AND m.occurrence_id >= s.first_occurrence AND m.state = 'queued' AND m.due_at <= :now
    AND (m.retries > 0 OR s.not_after > :now) AND (m.lease_until IS NULL OR m.lease_until < clock_timestamp())));

-- name: doubts
-- Messages in doubt for longer than the settling time, oldest first, with what the account's look-up needs.
SELECT m.occurrence_id, m.id, m.retries, m.doubt_at, m.provider_account_id, s.message_class FROM messages m JOIN sends s ON s.id = m.send_id
WHERE m.state = 'in_doubt' AND m.doubt_at < clock_timestamp() - make_interval(secs => :settle)
  AND m.provider_account_id = :account
ORDER BY m.doubt_at LIMIT :most;

-- name: known_good
-- References the account certainly accepted: the positive control before its word "absent" is believed.
SELECT occurrence_id, id FROM messages
WHERE provider_account_id = :account AND provider_reference IS NOT NULL AND rank BETWEEN 50 AND 70 AND retries = 0
ORDER BY sent_at DESC NULLS LAST LIMIT 3;

-- name: resolve_found
-- It was handed over when it was tried, however late that is known.
UPDATE messages m SET state = 'sent', rank = 50, provider_reference = COALESCE(provider_reference, :reference),
  sent_at = COALESCE(sent_at, (SELECT max(started_at) FROM attempts a
    WHERE a.occurrence_id = m.occurrence_id AND a.message_id = m.id), :now)
WHERE m.occurrence_id = :occurrence AND m.id = :id AND m.rank < 50;

-- name: resolve_absent
-- Compare-and-set on the doubt itself: an old answer must not requeue a newer doubt. What was stopped meanwhile is not sent.
UPDATE messages m SET
  state = CASE WHEN s.state <> 'stopped' THEN 'queued' WHEN m.retries > 0 THEN 'failed' ELSE 'cancelled' END,
  rank = CASE WHEN s.state <> 'stopped' THEN 10 WHEN m.retries > 0 THEN 65 ELSE 90 END,
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
  provider_reference, occurred_at, received_at, due_at, retry)
SELECT :account, t.key, :organisation, t.kind, t.category, t.code, t.occurrence, t.message, t.reference, t.occurred, :now, :now,
  t.retry
FROM unnest(CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:categories AS text[]), CAST(:codes AS text[]),
  CAST(:occurrences AS uuid[]), CAST(:messages AS uuid[]), CAST(:references AS text[]), CAST(:occurreds AS timestamptz[]),
  CAST(:retries AS smallint[]))
  AS t (key, kind, category, code, occurrence, message, reference, occurred, retry)
ON CONFLICT DO NOTHING;

-- name: take_receipts
-- Receipts that are due; those that matched nothing are tried again for seven days, with ever longer pauses.
SELECT provider_account_id, event_key, occurrence_id, message_id FROM receipts
WHERE applied_at IS NULL AND due_at <= :now AND received_at > CAST(:now AS timestamptz) - interval '7 days'
ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED;

-- name: apply_receipts
-- Several receipts of one message may come at once, in any order: the strongest word wins, and only ever raises the state. Words
-- about one attempt are in one order (`force`): under way, failed, by how bad the category is, delivered. A failure that is tried
-- again is put back into the queue, and its send opened again. Words about an earlier attempt count no more, but two: "delivered"
-- beats everything, and a failure for good takes back the retry that is planned and not begun.
WITH taken AS (
  SELECT r.provider_account_id, r.event_key, r.kind, r.category, r.provider_reference, r.occurred_at, r.retry,
    m.occurrence_id, m.id, m.retries,
    CASE r.kind WHEN 'delivered' THEN 70 WHEN 'failed' THEN 65 WHEN 'bounced' THEN 65 WHEN 'undeliverable' THEN 60 ELSE 50 END
      AS rank,
    COALESCE(array_position(CAST(:order AS text[]), COALESCE(r.category, r.kind)), 0) AS badness,
    r.kind IN ('failed', 'undeliverable') AND r.category = ANY(CAST(:again AS text[])) AND r.retry + 1 < s.most_attempts
      AND m.channel = ANY(CAST(:channels AS text[])) AND m.reason IS DISTINCT FROM 'no_confirmation' AND s.state <> 'stopped' AS again,
    m.state = 'queued' AND r.retry = m.retries - 1 AS is_planned,
    CASE WHEN s.message_class = 'marketing' AND s.source_kind <> :test THEN (CAST(:dues_in_hours AS timestamptz[]))[s.retry_hours]
      ELSE (CAST(:dues AS timestamptz[]))[s.retry_hours] END AS due
  FROM receipts r
  JOIN unnest(CAST(:accounts AS uuid[]), CAST(:keys AS text[])) AS t (account, key)
    ON r.provider_account_id = t.account AND r.event_key = t.key
  JOIN messages m ON m.occurrence_id = r.occurrence_id AND m.id = r.message_id
  JOIN sends s ON s.id = m.send_id
), weighed AS (
  SELECT *, CASE WHEN rank IN (60, 65) THEN 6000 + 100 * badness + rank - 60 ELSE 100 * rank END AS force FROM taken
), highest AS (
  SELECT DISTINCT ON (occurrence_id, id) * FROM weighed
  WHERE kind <> 'complained' AND (retry = retries OR is_planned OR rank = 70) ORDER BY occurrence_id, id, force DESC
), moved AS (
  UPDATE messages m SET
    rank = CASE WHEN h.again THEN 10 ELSE h.rank END,
    state = CASE WHEN h.again THEN 'queued' WHEN h.rank = 70 THEN 'delivered' WHEN h.rank = 65 THEN 'failed'
      WHEN h.rank = 60 THEN 'undeliverable' ELSE 'sent' END,
    reason = CASE WHEN h.rank IN (60, 65) THEN COALESCE(h.category, h.kind) END,
    retries = CASE WHEN h.again THEN h.retry + 1 WHEN m.state = 'queued' THEN GREATEST(m.retries - 1, 0) ELSE m.retries END,
    due_at = CASE WHEN h.again AND NOT h.is_planned THEN h.due ELSE m.due_at END,
    provider_reference = COALESCE(m.provider_reference, h.provider_reference),
    sent_at = COALESCE(m.sent_at, h.occurred_at),
    final_at = CASE WHEN h.again THEN NULL WHEN h.rank >= 60 THEN :now ELSE m.final_at END,
    lease_token = NULL, lease_until = NULL
  FROM highest h
  WHERE m.occurrence_id = h.occurrence_id AND m.id = h.id
    AND (h.retry = m.retries OR h.rank = 70 OR (m.state = 'queued' AND h.retry = m.retries - 1))  -- as it is by now
    AND h.force > CASE
    WHEN m.state = 'queued' AND h.retry < m.retries OR m.rank IN (60, 65)
      THEN 6000 + 100 * COALESCE(array_position(CAST(:order AS text[]), m.reason), 0) + GREATEST(m.rank - 60, 0)
    ELSE 100 * m.rank END
  RETURNING m.send_id, m.due_at, h.again
), opened AS (
  UPDATE sends s SET state = CASE s.state WHEN 'drained' THEN 'running' ELSE s.state END, drained_at = NULL,
    retry_until = GREATEST(s.retry_until, one.due_at + :allowed)
  FROM (SELECT send_id, max(due_at) AS due_at FROM moved WHERE again GROUP BY send_id) AS one WHERE s.id = one.send_id
), done AS (
  UPDATE receipts r SET applied_at = :now, result = 'applied'
  FROM taken t WHERE r.provider_account_id = t.provider_account_id AND r.event_key = t.event_key
  RETURNING r.event_key
)
SELECT t.kind, t.category, m.channel, m.address_blind, t.occurrence_id, t.id, t.retry
FROM taken t JOIN messages m ON m.occurrence_id = t.occurrence_id AND m.id = t.id
WHERE t.kind IN ('bounced', 'complained') OR t.category IN ('opted_out', 'invalid_number')
  OR (t.kind = 'delivered' AND t.retry < t.retries);

-- name: note_duplicates
-- A message that has arrived although it was taken for failed and went out once more: somebody got it twice.
UPDATE messages m SET duplicate_delivered = true
FROM unnest(CAST(:occurrences AS uuid[]), CAST(:ids AS uuid[]), CAST(:retries AS smallint[])) AS t (occurrence_id, id, retry)
WHERE m.id = ANY(:ids) AND m.occurrence_id BETWEEN :oldest AND :newest AND m.occurrence_id = t.occurrence_id AND m.id = t.id
  AND EXISTS (SELECT FROM attempts a WHERE a.occurrence_id = m.occurrence_id AND a.message_id = m.id AND a.retry > t.retry
    AND a.outcome IS DISTINCT FROM 'rejected' AND a.outcome IS DISTINCT FROM 'not_sent');

-- name: open_send
-- A send whose messages are tried again is open until then.
UPDATE sends SET state = CASE state WHEN 'drained' THEN 'running' ELSE state END, drained_at = NULL,
  retry_until = GREATEST(retry_until, CAST(:due AS timestamptz) + :allowed)
WHERE id = :send;

-- name: leave_unmatched
-- Again after as long as it has waited already: at least half a minute, at most an hour.
UPDATE receipts r SET result = 'unmatched', due_at = CAST(:now AS timestamptz)
  + LEAST(GREATEST(CAST(:now AS timestamptz) - r.received_at, interval '30 seconds'), interval '1 hour')
FROM unnest(CAST(:accounts AS uuid[]), CAST(:keys AS text[])) AS t (account, key)
WHERE r.provider_account_id = t.account AND r.event_key = t.key AND r.applied_at IS NULL;

-- name: begin_polls
-- One row for every account that sends SMS: from now on it is asked about what has no receipt.
INSERT INTO polls (provider_account_id, organisation_id, asked_until, due_at)
SELECT a.id, a.organisation_id, :now, :now FROM provider_accounts a
WHERE a.channel = 'sms' AND NOT EXISTS (SELECT FROM polls p WHERE p.provider_account_id = a.id)
ON CONFLICT DO NOTHING;

-- name: claim_poll
-- The account that has waited longest, for one worker.
UPDATE polls SET lease_until = clock_timestamp() + interval '2 minutes' WHERE provider_account_id = (
  SELECT provider_account_id FROM polls
  WHERE due_at <= :now AND (lease_until IS NULL OR lease_until < clock_timestamp())
  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING provider_account_id;

-- name: to_poll
-- The messages of an account that have come due to be asked for, in the order of the moments they are due at, each moment whole: a
-- reader goes on after the last one. Where more than one moment of a message was missed it is due once; its last moment is never
-- missed. One range of the index for each of the moments.
SELECT m.occurrence_id, m.id, m.retries, m.sent_at + n.n * CAST(:every AS interval) AS moment
FROM generate_series(1, CAST(:times AS int)) AS n (n) CROSS JOIN LATERAL (
  SELECT occurrence_id, id, retries, sent_at FROM messages
  WHERE provider_account_id = :account AND state = 'sent' AND channel = 'sms'
    AND sent_at > CASE WHEN n.n = :times THEN CAST(:asked AS timestamptz)
      ELSE GREATEST(:asked, CAST(:until AS timestamptz) - CAST(:every AS interval)) END - n.n * CAST(:every AS interval)
    AND sent_at <= CAST(:until AS timestamptz) - n.n * CAST(:every AS interval)
  ORDER BY sent_at FETCH FIRST (CAST(:most AS int)) ROWS WITH TIES) AS m
ORDER BY moment FETCH FIRST (CAST(:most AS int)) ROWS WITH TIES;

-- name: any_unconfirmed
-- Whether an account has anything that is to be given up.
SELECT EXISTS (SELECT FROM messages
WHERE provider_account_id = :account AND state = 'sent' AND channel = 'sms' AND sent_at <= :before);

-- name: count_unconfirmed
-- How much of an account has no receipt; asked only when something is given up.
SELECT count(*) FROM messages WHERE provider_account_id = :account AND state = 'sent' AND channel = 'sms';

-- name: give_up
-- What nobody ever told anything of, the oldest first.
UPDATE messages SET state = 'undeliverable', rank = 60, reason = 'no_confirmation', final_at = :now
WHERE (occurrence_id, id) IN (SELECT occurrence_id, id FROM messages
  WHERE provider_account_id = :account AND state = 'sent' AND channel = 'sms' AND sent_at <= :before
  ORDER BY sent_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING occurrence_id, id;
