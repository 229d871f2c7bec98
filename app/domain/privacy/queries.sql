-- What becomes of people who are erased, by the set. What stays says nothing of a person: that something was sent, allowed or
-- calculated, of an id that leads to nobody. What was sealed with his own key cannot be read by anybody once that is gone.

-- name: due
-- Whoever was deleted so long ago that nobody can bring him back.
SELECT id FROM contacts WHERE deleted_at < :until AND status <> 'erased' ORDER BY deleted_at LIMIT :most FOR UPDATE SKIP LOCKED;

-- name: contact
-- The person himself: his key first of all.
UPDATE contacts SET key = '', person = '', external_id = NULL, language = NULL, gender = NULL, timezone = NULL, country = NULL,
  city = NULL, postal_code = NULL, lifecycle_stage = NULL, engagement_score = NULL, properties = '{}', tags = '{}',
  content_hash = NULL, status = 'erased', is_test = false, version = version + 1, updated_at = :now
WHERE id = ANY(:people);

-- name: addresses
DELETE FROM contact_addresses WHERE contact_id = ANY(:people);

-- name: names
DELETE FROM contact_names WHERE contact_id = ANY(:people);

-- name: groups
DELETE FROM group_members WHERE contact_id = ANY(:people);

-- name: restrictions
DELETE FROM contact_restrictions WHERE contact_id = ANY(:people);

-- name: events
-- What he did, also what his browser told after he had been deleted.
DELETE FROM events WHERE contact_id = ANY(:people)
  OR (contact_id IS NULL AND visitor_id = ANY(ARRAY(SELECT id FROM visitors WHERE contact_id = ANY(:people))));

-- name: visitors
DELETE FROM visitors WHERE contact_id = ANY(:people);

-- name: runs
-- What let him enter flows, and once for what; that he was in them stays.
UPDATE flow_runs SET key = CAST(id AS text), trigger = '{}', why = NULL, failure = NULL WHERE contact_id = ANY(:people);

-- name: attempts
-- What providers said of his messages: it may name his number.
UPDATE attempts a SET error = NULL FROM messages m
WHERE m.contact_id = ANY(:people) AND a.occurrence_id = m.occurrence_id AND a.message_id = m.id AND a.error IS NOT NULL;

-- name: traces
-- With what he opened and clicked them.
UPDATE engagement_events e SET agent = NULL, detail = NULL FROM messages m
WHERE m.contact_id = ANY(:people) AND e.occurrence_id = m.occurrence_id AND e.message_id = m.id;

-- name: replies
-- What he answered is sealed; nobody is known by its number any more.
UPDATE replies SET blind = '' WHERE contact_id = ANY(:people);

-- name: issues
-- Records of the core bank that had his number and something wrong; what was missing is named by the number, too.
UPDATE balance_issues SET external_id = '', record = CAST(gen_random_uuid() AS text), sealed = NULL WHERE contact_id = ANY(:people);

-- name: accounts
DELETE FROM bank_accounts WHERE contact_id = ANY(:people);

-- name: requests
-- Requests that were named for him.
UPDATE approvals SET subject_name = CAST(subject_id AS text) WHERE subject_kind = 'contact' AND subject_id = ANY(:people);

-- name: added
-- What is only ever added to.
SELECT forget_people(:people);
