-- Balances and what follows from them, by the set.

-- name: claim_day
-- One worker a day of balances: whoever sets the lease owns it until it ends, and goes on where the last batch was kept. Leases
-- are the machine's time, not the business clock.
UPDATE balance_days SET state = 'running', tries = tries + 1, lease_until = clock_timestamp() + CAST(:lease AS interval)
WHERE day = :day AND state IN ('queued', 'running') AND due_at <= :now
  AND (lease_until IS NULL OR lease_until < clock_timestamp())
RETURNING after, tries;

-- name: demote
-- A correction is a version more: what was current is so no longer, and stays as it was. OFFSET 0 keeps the planner from looking
-- through all days of a customer for one.
UPDATE balances b SET is_current = false
FROM (
  SELECT c.id, g.day, g.version, g.account
  FROM unnest(CAST(:customers AS text[]), CAST(:days AS date[]), CAST(:versions AS int[]), CAST(:accounts AS text[]))
    AS g (external_id, day, version, account)
  JOIN live.contacts c ON c.external_id = g.external_id OFFSET 0) AS g
WHERE b.contact_id = g.id AND b.day = g.day AND b.account = g.account AND b.is_current AND b.version < g.version;

-- name: keep
-- A batch of records, each a version of an account's day; one that is known already stays as it is. What comes back are those
-- of nobody we know, those that say something else than the version we have, and those without an account for a day that has accounts,
-- or the other way round. One JSON for the batch: an array for each column costs its driver more than the rest of the statement the
-- database. And once each, as "kept", the days that have a value they had not before.
WITH given AS (
  SELECT g.*, c.id AS contact_id, COALESCE(known.is_mixed, false) AS is_mixed, COALESCE(known.has_one, false) AS has_one
  FROM jsonb_to_recordset(CAST(:batch AS jsonb))
    AS g (external_id text, account text, account_type text, day date, version int, amount numeric, currency text, record text)
  LEFT JOIN live.contacts c ON c.external_id = g.external_id AND c.deleted_at IS NULL
  LEFT JOIN LATERAL (
    SELECT bool_or((b.account = '') <> (g.account = '')) AS is_mixed, bool_or(b.account = g.account) AS has_one
    FROM balances b WHERE b.contact_id = c.id AND b.day = g.day AND b.is_current) AS known ON true
), added AS (
  INSERT INTO balances (organisation_id, contact_id, day, version, account, account_type, amount, currency, record, source, taken_at, is_current)
  SELECT :organisation, g.contact_id, g.day, g.version, g.account, g.account_type, g.amount, g.currency, g.record, :source, :now, NOT g.has_one
  FROM given g WHERE g.contact_id IS NOT NULL AND NOT g.is_mixed
  ON CONFLICT (contact_id, day, version, account) DO NOTHING
  RETURNING day, is_current
)
SELECT NULL AS external_id, NULL AS account, day, NULL AS record, NULL AS contact_id, 'kept' AS kind FROM added WHERE is_current GROUP BY day
UNION ALL
SELECT g.external_id, g.account, g.day, g.record, g.contact_id, CASE WHEN g.contact_id IS NULL THEN 'unknown_customer' ELSE 'conflict' END AS kind
FROM given g
LEFT JOIN balances b ON b.contact_id = g.contact_id AND b.day = g.day AND b.version = g.version AND b.account = g.account
WHERE g.contact_id IS NULL OR g.is_mixed OR (b.contact_id IS NOT NULL
  AND (b.amount <> g.amount OR b.currency <> g.currency OR b.account_type <> g.account_type));

-- name: note_accounts
-- The accounts that are told of: what is new, or told otherwise, with the days it was before and is now. A word of a day before the
-- present kind of an account began says nothing of its kind; one of a day after its closing opens it again. In one order, so that two batches never wait for each other.
INSERT INTO bank_accounts AS a (organisation_id, contact_id, account, account_type, currency, since, first_day, opened_on, closed_on)
SELECT :organisation, c.id, g.account, g.account_type, g.currency, g.day, g.first_day, g.opened_on, g.closed_on
FROM jsonb_to_recordset(CAST(:batch AS jsonb))
  AS g (external_id text, account text, account_type text, currency text, day date, first_day date, opened_on date, closed_on date)
JOIN live.contacts c ON c.external_id = g.external_id AND c.deleted_at IS NULL
ORDER BY c.id, g.account
ON CONFLICT (contact_id, account) DO UPDATE SET
  account_type = CASE WHEN excluded.since >= a.since THEN excluded.account_type ELSE a.account_type END,
  currency = CASE WHEN excluded.since >= a.since THEN excluded.currency ELSE a.currency END,
  since = CASE WHEN excluded.since >= a.since AND (a.account_type, a.currency) <> (excluded.account_type, excluded.currency)
    THEN excluded.since ELSE a.since END,
  first_day = LEAST(a.first_day, excluded.first_day),
  opened_on = COALESCE(excluded.opened_on, a.opened_on),
  closed_on = CASE WHEN excluded.closed_on IS NULL AND excluded.since <= a.closed_on THEN a.closed_on ELSE excluded.closed_on END
WHERE (excluded.since >= a.since AND (a.account_type, a.currency) <> (excluded.account_type, excluded.currency))
  OR excluded.first_day < a.first_day OR COALESCE(excluded.opened_on <> a.opened_on, excluded.opened_on IS NOT NULL)
  OR CASE WHEN excluded.closed_on IS NULL THEN excluded.since > a.closed_on ELSE excluded.closed_on IS DISTINCT FROM a.closed_on END
RETURNING old.since AS was_since, new.since, old.first_day AS was_first, new.first_day, old.opened_on AS was_opened, new.opened_on,
  old.closed_on AS was_closed, new.closed_on;

-- name: came
-- The day on which customers came to the bank, by their accounts: the earliest of them, once each says one.
SELECT c.external_id, min(a.opened_on) AS opened_on
FROM bank_accounts a JOIN live.contacts c ON c.id = a.contact_id
WHERE c.external_id = ANY(CAST(:customers AS text[]))
GROUP BY c.external_id HAVING bool_and(a.opened_on IS NOT NULL);

-- name: note_issues
-- What was wrong with records, once for each.
INSERT INTO balance_issues (organisation_id, day, kind, record, contact_id, external_id, sealed, found_at)
SELECT :organisation, g.day, g.kind, g.record, c.id, g.external_id, g.sealed, :now
FROM unnest(CAST(:days AS date[]), CAST(:kinds AS text[]), CAST(:records AS text[]), CAST(:customers AS text[]),
  CAST(:sealed AS bytea[])) AS g (day, kind, record, external_id, sealed)
LEFT JOIN live.contacts c ON c.external_id = g.external_id
ON CONFLICT DO NOTHING;

-- name: note_missing
-- Customers whose day has no value once all of it has been taken, and accounts that have none where others of their customer have.
-- OFFSET 0: one look into the index for each of them. A day that came after the last statistics is believed to be empty, and a join
-- with it compares everybody with everybody.
INSERT INTO balance_issues (organisation_id, day, kind, record, contact_id, external_id, found_at)
SELECT CAST(:organisation AS uuid), CAST(:day AS date), 'missing', c.external_id, c.id, c.external_id, CAST(:now AS timestamptz)
FROM live.contacts c
WHERE c.external_id IS NOT NULL AND c.deleted_at IS NULL AND NOT EXISTS (
  SELECT FROM balances b WHERE b.contact_id = c.id AND b.day = :day AND b.is_current OFFSET 0)
UNION ALL
SELECT CAST(:organisation AS uuid), CAST(:day AS date), 'missing', c.external_id || '/' || a.account, c.id, c.external_id, CAST(:now AS timestamptz)
FROM bank_accounts a JOIN live.contacts c ON c.id = a.contact_id AND c.deleted_at IS NULL
WHERE LEAST(a.opened_on, a.first_day) <= :day AND COALESCE(a.closed_on, :day) >= :day
  AND EXISTS (SELECT FROM balances b WHERE b.contact_id = a.contact_id AND b.day = :day AND b.is_current OFFSET 0)
  AND NOT EXISTS (
    SELECT FROM balances b WHERE b.contact_id = a.contact_id AND b.day = :day AND b.account IN ('', a.account) AND b.is_current OFFSET 0)
ON CONFLICT DO NOTHING;

-- name: forget_missing
-- What was missing and has come.
DELETE FROM balance_issues i
WHERE i.kind = 'missing' AND i.day = ANY(CAST(:days AS date[])) AND EXISTS (
  SELECT FROM balances b WHERE b.contact_id = i.contact_id AND b.day = i.day AND b.is_current
    AND i.record IN (i.external_id, i.external_id || '/' || b.account) OFFSET 0);

-- name: judged
-- One row per customer of the bank: what became of the month by a rule, and why. A value holds for its day and, where the rule
-- carries values forward, for up to :carry days after it; days the calendar exempts are no days. One proven day below is
-- conclusive for "every"; for "at_least" it is conclusive once too few days are left; an average needs every day. Who came to the bank in
-- the month has fewer days, or does not qualify, where the rule says so.
-- One pass and no sorting: `seen` has a bit for each day with a value and, 32 bits higher, for each that holds; `below` is the first
-- day below (5 bits) before its amount in hundredths (58 bits, zero in their middle).
-- Who has several accounts (accounts.py says what his days are) is counted once more: `lacking` has a bit for each day one of them has
-- no value of, `summed` what he had on the others, and of his `facts` those of `summed` hold. For everybody else that is nothing. A day
-- told without an account lacks nothing; what is told one way ends what is carried of the other.
WITH valued AS NOT MATERIALIZED (
  SELECT contact_id, account, day AS begins, 1 AS days, amount FROM balances
  WHERE CAST(:carry AS int) = 0 AND day >= CAST(:first AS date) AND day < CAST(:after AS date) AND is_current AND currency = :currency
    AND day <> ALL(CAST(:exempt AS date[])) AND (CAST(:accounts AS text[]) IS NULL OR account_type = ANY(CAST(:accounts AS text[])))
  UNION ALL
  SELECT contact_id, account, begins, ends - begins, amount FROM (
    SELECT b.contact_id, b.account, b.amount, GREATEST(b.day, CAST(:first AS date)) AS begins,
      LEAST(b.day + 1 + CAST(:carry AS int), CAST(:after AS date),
        lead(b.day) OVER (PARTITION BY b.contact_id, b.account ORDER BY b.day),
        CASE b.account WHEN '' THEN min(b.day) OVER soon ELSE min(b.day) FILTER (WHERE b.account = '') OVER soon END) AS ends
    FROM balances b
    WHERE CAST(:carry AS int) > 0 AND b.day >= CAST(:first AS date) - CAST(:carry AS int) AND b.day < CAST(:after AS date) AND b.is_current
      AND b.currency = :currency AND (CAST(:accounts AS text[]) IS NULL OR b.account_type = ANY(CAST(:accounts AS text[])))
    WINDOW soon AS (PARTITION BY b.contact_id ORDER BY b.day
      RANGE BETWEEN INTERVAL '1 day' FOLLOWING AND make_interval(days => CAST(:carry AS int)) FOLLOWING)) AS carried
  WHERE ends > begins
), several AS (
  SELECT contact_id, account, account_type, begins, ends, begins < ends AS is_there,
    currency = :currency AND (CAST(:accounts AS text[]) IS NULL OR account_type = ANY(CAST(:accounts AS text[]))) AS counts,
    CASE WHEN begins < ends THEN ((CAST(1 AS bigint) << (ends - begins)) - 1) << (begins - CAST(:first AS date)) ELSE 0 END AS lasts
  FROM (
    SELECT contact_id, account, account_type, currency, count(*) OVER (PARTITION BY contact_id) AS accounts,
      GREATEST(LEAST(opened_on, first_day), CAST(:first AS date)) AS begins, LEAST(closed_on + 1, CAST(:after AS date)) AS ends
    FROM bank_accounts) AS a
  WHERE accounts > 1
), told AS (
  SELECT contact_id, account, bit_or(days) AS days, bool_or(counts) AS counts FROM (
    SELECT contact_id, account, ((CAST(1 AS bigint) << v.days) - 1) << (v.begins - CAST(:first AS date)) AS days, true AS counts
    FROM several JOIN valued v USING (contact_id, account)
    UNION ALL
    SELECT contact_id, s.account, ((CAST(1 AS bigint) << v.days) - 1) << (v.begins - CAST(:first AS date)), false
    FROM several s JOIN valued v USING (contact_id) WHERE v.account = ''
    UNION ALL
    SELECT contact_id, account, CAST(1 AS bigint) << (b.day - CAST(:first AS date)), false
    FROM several JOIN balances b USING (contact_id, account)
    WHERE b.day >= CAST(:first AS date) AND b.day < CAST(:after AS date) AND b.is_current
      AND b.account_type <> ALL(CAST(:accounts AS text[]))) AS one
  GROUP BY contact_id, account
), lacking AS (
  SELECT contact_id, bit_or(CASE WHEN s.counts OR t.counts THEN s.lasts & ~COALESCE(t.days, 0) ELSE 0 END) AS days,
    jsonb_agg(jsonb_build_object('account', account, 'type', account_type, 'counts', s.counts OR COALESCE(t.counts, false),
      'begins', NULLIF(begins, CAST(:first AS date)), 'ends', NULLIF(ends, CAST(:after AS date)) - 1)
      ORDER BY account COLLATE "C") FILTER (WHERE is_there) AS accounts
  FROM several s LEFT JOIN told t USING (contact_id, account) GROUP BY contact_id
), summed AS (
  SELECT contact_id, CAST(:first AS date) + n AS begins, CAST(sum(v.amount) AS numeric(17, 2)) AS amount
  FROM lacking l JOIN valued v USING (contact_id) LEFT JOIN several s USING (contact_id, account)
  CROSS JOIN LATERAL generate_series(v.begins - CAST(:first AS date), v.begins + v.days - 1 - CAST(:first AS date)) AS n
  WHERE l.days >> n & 1 = 0 AND COALESCE(s.lasts, -1) >> n & 1 = 1
  GROUP BY contact_id, n
), facts AS (
  SELECT contact_id, is_summed,
    bit_or((((CAST(1 AS bigint) << days) - 1) << (begins - CAST(:first AS date)))
      * CASE WHEN amount >= CAST(:threshold AS numeric) THEN 4294967297 ELSE 1 END) AS seen,
    min((CAST(begins - CAST(:first AS date) AS bigint) << 58) + CAST(amount * 100 AS bigint) + (CAST(1 AS bigint) << 57))
      FILTER (WHERE amount < CAST(:threshold AS numeric)) AS below,
    min(amount) AS lowest,
    sum(CASE days WHEN 1 THEN amount ELSE amount * days END) AS total
  FROM (
    SELECT contact_id, false AS is_summed, begins, days, amount FROM valued
    UNION ALL
    SELECT contact_id, true, begins, 1, amount FROM summed) AS every
  GROUP BY contact_id, is_summed
), judged AS (
  SELECT c.id, f.seen, f.lowest, s.accounts, o.opened_on, CAST(:required AS int) - COALESCE(o.before, 0) AS required,
    COALESCE(bit_count(CAST(f.seen >> 32 AS bit(32))), 0) AS passed,
    CAST(:required AS int) - COALESCE(o.before, 0) - COALESCE(bit_count(CAST(f.seen AS bit(32))), 0) AS missing,
    CAST(:first AS date) + CAST(f.below >> 58 AS int) AS first_below,
    CAST(((f.below & ((CAST(1 AS bigint) << 58) - 1)) - (CAST(1 AS bigint) << 57)) / 100.0 AS numeric(18, 2)) AS below_amount,
    round(f.total / bit_count(CAST(f.seen AS bit(32))), 2) AS average
  FROM live.contacts c LEFT JOIN lacking s ON s.contact_id = c.id
  LEFT JOIN facts f ON f.contact_id = c.id AND f.is_summed = (s.contact_id IS NOT NULL)
  LEFT JOIN LATERAL (
    SELECT came.opened_on, (
      SELECT count(*) FROM unnest(CAST(:month AS date[])) AS d
      WHERE d < came.opened_on AND COALESCE(f.seen, 0) >> (d - CAST(:first AS date)) & 1 = 0) AS before
    FROM openings came
    WHERE came.contact_id = c.id AND CAST(:opening AS text) <> 'missing' AND came.opened_on > CAST(:first AS date)
      AND came.opened_on < CAST(:after AS date)) AS o ON true
  WHERE c.external_id IS NOT NULL AND c.deleted_at IS NULL
)
SELECT id AS contact_id,
  CASE CASE WHEN opened_on IS NOT NULL AND CAST(:opening AS text) = 'never' THEN 'never' ELSE :rule END
    WHEN 'never' THEN 'not_qualified'
    WHEN 'every' THEN CASE WHEN first_below IS NOT NULL THEN 'not_qualified' WHEN missing > 0 THEN 'indeterminate' ELSE 'qualified' END
    WHEN 'at_least' THEN CASE WHEN passed >= :days THEN 'qualified' WHEN passed + missing < :days THEN 'not_qualified'
      ELSE 'indeterminate' END
    ELSE CASE WHEN missing > 0 THEN 'indeterminate' WHEN average >= CAST(:threshold AS numeric) THEN 'qualified' ELSE 'not_qualified' END
  END AS outcome,
  passed AS days_passed, required AS days_required,
  CASE WHEN missing = 0 THEN '{}' ELSE ARRAY(
    SELECT d FROM unnest(CAST(:month AS date[])) AS d
    WHERE COALESCE(seen, 0) >> (d - CAST(:first AS date)) & 1 = 0 AND d >= COALESCE(opened_on, d) ORDER BY d) END AS missing,
  first_below, below_amount, lowest, average, opened_on, accounts
FROM judged;

-- name: qualify
-- The outcomes of a run.
INSERT INTO qualification_outcomes (organisation_id, run_id, contact_id, outcome, days_passed, days_required, missing, first_below,
  below_amount, lowest, average, opened_on, accounts)
SELECT :organisation, :run, j.* FROM (
-- use: judged
) AS j;

-- name: what_if
-- How many customers of a run would have which outcome by another rule.
SELECT o.outcome AS before, j.outcome AS after, count(*) AS customers FROM (
-- use: judged
) AS j
FULL JOIN (SELECT contact_id, outcome FROM qualification_outcomes WHERE run_id = :run) AS o USING (contact_id)
GROUP BY o.outcome, j.outcome ORDER BY count(*) DESC;

-- name: standings
-- One row per customer in a month that is not over, judged as far as it goes: lost for good, on track (every day so far there and
-- at the threshold or above, the latest with :margin to spare), at risk, or unknown where nothing has been told. `distance` is what
-- is missing to the threshold on the worst day of who is lost, and what is to spare on the latest day of the others.
SELECT j.contact_id, s.standing,
  CASE WHEN s.standing = 'lost' THEN CAST(:threshold AS numeric) - j.lowest ELSE COALESCE(b.amount - CAST(:threshold AS numeric), 0) END AS distance,
  j.first_below, b.amount AS latest
FROM (
-- use: judged
) AS j
LEFT JOIN (
  SELECT contact_id, sum(amount) AS amount FROM balances
  WHERE day = CAST(:after AS date) - 1 AND is_current AND currency = :currency
    AND (CAST(:accounts AS text[]) IS NULL OR account_type = ANY(CAST(:accounts AS text[])))
  GROUP BY contact_id) AS b ON b.contact_id = j.contact_id
CROSS JOIN LATERAL (SELECT CASE
  WHEN cardinality(j.missing) = j.days_required THEN 'unknown'
  WHEN j.outcome = 'not_qualified' AND (:rule <> 'average' OR j.opened_on IS NOT NULL AND CAST(:opening AS text) = 'never') THEN 'lost'
  WHEN j.first_below IS NULL AND cardinality(j.missing) = 0
    AND (b.amount IS NULL OR b.amount >= CAST(:threshold AS numeric) * CAST(:margin AS numeric)) THEN 'on_track'
  ELSE 'at_risk' END AS standing) AS s;

-- name: were_on_track
-- How many customers of each of some runs were on track after so many days of its month, as the run saw them: what is asked of
-- `standings` follows from their outcomes and one day of balances, and the month need not be judged again.
SELECT r.id, count(*) AS customers
FROM qualification_runs r
JOIN programme_versions v ON v.id = r.programme_version_id
CROSS JOIN LATERAL (
  SELECT LEAST(r.month + CAST(:days AS int), CAST(r.month + INTERVAL '1 month' AS date)) - 1 AS day) AS last
JOIN qualification_outcomes o ON o.run_id = r.id
WHERE r.id = ANY(CAST(:runs AS uuid[])) AND (o.first_below IS NULL OR o.first_below > last.day)
  AND (o.opened_on IS NULL OR o.opened_on <= last.day AND v.opening <> 'never') AND (v.rule <> 'at_least' OR o.days_required >= v.days)
  AND NOT EXISTS (SELECT FROM unnest(o.missing) AS m WHERE m <= last.day)
  AND COALESCE((
    SELECT sum(b.amount) FROM balances b
    WHERE b.contact_id = o.contact_id AND b.day = last.day AND b.is_current AND b.currency = v.currency
      AND (v.accounts = '{}' OR b.account_type = ANY(v.accounts))) >= v.threshold * CAST(:margin AS numeric), true)
GROUP BY r.id;

-- name: input_hash
-- Everything a run looks at, in one digest over one for each customer: the same input gives the same, and what one customer had can be
-- proved without what the others had. The day somebody came to the bank and the accounts he has stand with him where the run looked
-- at them, an account with its days where it has a name.
SELECT encode(sha256(convert_to(COALESCE(string_agg(concat_ws('|', one.contact_id, digest, o.opened_on, o.accounts), ',' ORDER BY one.contact_id), ''),
  'UTF8')), 'hex') FROM (
  SELECT contact_id, encode(sha256(convert_to(string_agg(
    concat_ws('|', day, version, amount, NULLIF(account, '')), ',' ORDER BY day, account COLLATE "C"), 'UTF8')), 'hex') AS digest
  FROM balances
  WHERE day >= CAST(:first AS date) - CAST(:carry AS int) AND day < :after AND is_current AND currency = :currency
    AND (CAST(:accounts AS text[]) IS NULL OR account_type = ANY(CAST(:accounts AS text[])))
  GROUP BY contact_id) AS one
LEFT JOIN qualification_outcomes o
  ON o.run_id = :run AND o.contact_id = one.contact_id AND (o.opened_on IS NOT NULL OR o.accounts IS NOT NULL);

-- name: inputs
-- The digests of the customers as they were when a run looked: of the versions that had come by then.
SELECT known.contact_id, o.opened_on, o.accounts::text AS accounts,
  encode(sha256(convert_to(string_agg(
    concat_ws('|', day, version, amount, NULLIF(account, '')), ',' ORDER BY day, account COLLATE "C"), 'UTF8')), 'hex') AS digest
FROM (
  SELECT DISTINCT ON (contact_id, day, account) contact_id, day, account, account_type, version, amount, currency FROM balances
  WHERE day >= CAST(:first AS date) - CAST(:carry AS int) AND day < :after AND taken_at <= :moment
  ORDER BY contact_id, day, account, version DESC) AS known
LEFT JOIN qualification_outcomes o ON o.run_id = :run AND o.contact_id = known.contact_id
WHERE currency = :currency AND (CAST(:accounts AS text[]) IS NULL OR account_type = ANY(CAST(:accounts AS text[])))
GROUP BY known.contact_id, o.opened_on, o.accounts ORDER BY known.contact_id;

-- name: draw_sample
-- Ten of those who qualified, five and five of the others, in an order that follows from the run; where there are fewer, more of the rest.
WITH ranked AS (
  SELECT contact_id, CASE outcome WHEN 'qualified' THEN 10 ELSE 5 END AS share,
    row_number() OVER (PARTITION BY outcome ORDER BY md5(run_id::text || contact_id::text)) AS place
  FROM qualification_outcomes WHERE run_id = :run
)
INSERT INTO qualification_samples (organisation_id, run_id, contact_id, place)
SELECT :organisation, :run, contact_id, row_number() OVER (ORDER BY place > share, md5(CAST(:run AS text) || contact_id::text))
FROM (SELECT * FROM ranked ORDER BY place > share, place LIMIT :most) AS drawn;

-- name: list_hash
-- Who qualified, as it stands: how many, and one digest over their ids.
SELECT count(*) AS people, encode(sha256(convert_to(COALESCE(string_agg(o.contact_id::text, ',' ORDER BY o.contact_id), ''), 'UTF8')), 'hex') AS digest
FROM qualification_outcomes o
LEFT JOIN qualification_overrides v ON v.run_id = o.run_id AND v.contact_id = o.contact_id AND v.withdrawn_at IS NULL
WHERE o.run_id = :run AND COALESCE(v.outcome, o.outcome) = 'qualified';

-- name: months_qualified
-- In which of some months customers qualified, as it stands, and how many in the same: `seen` has a bit for each month, at its place.
SELECT seen, count(*) AS customers FROM (
  SELECT o.contact_id, bit_or(1 << m.place) AS seen
  FROM unnest(CAST(:runs AS uuid[]), CAST(:places AS int[])) AS m (run_id, place)
  JOIN qualification_outcomes o ON o.run_id = m.run_id
  LEFT JOIN qualification_overrides v ON v.run_id = o.run_id AND v.contact_id = o.contact_id AND v.withdrawn_at IS NULL
  WHERE COALESCE(v.outcome, o.outcome) = 'qualified'
  GROUP BY o.contact_id) AS each_of_them
GROUP BY seen;

-- name: note_openings
-- The days customers came to the bank: what is new, or told otherwise, with what was told before. In one order, so that two batches never
-- wait for each other.
INSERT INTO openings AS o (organisation_id, contact_id, opened_on, told_at)
SELECT :organisation, c.id, g.day, :now
FROM unnest(CAST(:customers AS text[]), CAST(:days AS date[])) AS g (external_id, day)
JOIN live.contacts c ON c.external_id = g.external_id AND c.deleted_at IS NULL
ORDER BY c.id
ON CONFLICT (contact_id) DO UPDATE SET opened_on = excluded.opened_on, told_at = excluded.told_at WHERE o.opened_on <> excluded.opened_on
RETURNING old.opened_on AS before, new.opened_on AS after;

-- name: mark
-- The moment the last value of some days came in. In the order of the days: two batches that bring values of the same never wait
-- for each other.
INSERT INTO balance_marks AS m (organisation_id, day, changed_at)
SELECT :organisation, day, :now FROM unnest(CAST(:days AS date[])) AS day ORDER BY day
ON CONFLICT (organisation_id, day) DO UPDATE SET changed_at = GREATEST(m.changed_at, excluded.changed_at);

-- name: changed_since
-- Whether a balance of some days came in after a moment.
SELECT EXISTS (SELECT FROM balance_marks
  WHERE organisation_id = :organisation AND day >= :first AND day < :after AND changed_at > :moment);

-- name: note_notices
-- The next of those who qualified and were told nothing of this month yet: each once, whoever else releases at the same moment.
INSERT INTO qualification_notices (organisation_id, programme_id, month, contact_id, run_id, noted_at)
SELECT :organisation, :programme, :month, o.contact_id, :run, :now
FROM qualification_outcomes o
LEFT JOIN qualification_overrides v ON v.run_id = o.run_id AND v.contact_id = o.contact_id AND v.withdrawn_at IS NULL
WHERE o.run_id = :run AND COALESCE(v.outcome, o.outcome) = 'qualified' AND NOT EXISTS (
  SELECT FROM qualification_notices n WHERE n.programme_id = :programme AND n.month = :month AND n.contact_id = o.contact_id)
ORDER BY o.contact_id LIMIT :most
ON CONFLICT DO NOTHING
RETURNING contact_id;

-- name: coverage
-- Of a run's customers who have any value: how many they are, days without one in all, and on the day that has most of them.
-- The run's own missing days count, so that what is carried or exempt is no gap.
WITH known AS (
  SELECT missing FROM qualification_outcomes WHERE run_id = :run AND cardinality(missing) < days_required
), gaps AS (
  SELECT day, count(*) AS customers FROM known, unnest(missing) AS day GROUP BY day
)
SELECT (SELECT count(*) FROM known) AS known, COALESCE(sum(customers), 0) AS missing, COALESCE(max(customers), 0) AS worst FROM gaps;

-- name: phones
-- Of a run's customers: how many there are, and how many have a number that takes SMS, or was not asked yet.
SELECT count(*) AS customers, count(*) FILTER (WHERE EXISTS (
  SELECT FROM live.contact_addresses a WHERE a.contact_id = o.contact_id AND a.kind = 'phone' AND a.takes_sms IS NOT FALSE)) AS valid
FROM qualification_outcomes o WHERE o.run_id = :run;
