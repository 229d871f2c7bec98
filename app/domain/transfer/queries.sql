-- name: claim
-- One worker an import: whoever sets the token owns it until the lease ends; a worker that died lets it run out.
UPDATE imports SET state = 'running', started_at = coalesce(started_at, :now), lease_token = :token, lease_until = :until
WHERE id = :id AND state IN ('queued', 'running') AND (lease_until IS NULL OR lease_until < :now)
RETURNING id;

-- name: known_by_external_id
-- One row per external id of the block that is there already, deleted ones too: the id belongs to them.
SELECT external_id AS name, id, content_hash, status FROM live.contacts WHERE external_id = ANY(:keys);

-- name: known_by_address
-- One row per living contact with one of these addresses; two rows with one name share it.
SELECT DISTINCT a.blind AS name, c.id, c.content_hash, c.status
FROM live.contact_addresses AS a JOIN live.contacts AS c ON c.id = a.contact_id
WHERE a.kind IN ('email', 'phone') AND a.blind = ANY(:keys) AND c.deleted_at IS NULL;

-- name: whole
-- The contacts a row says something new about, to be opened and merged.
SELECT id, external_id, key, person, language, gender, timezone, country, city, postal_code, lifecycle_stage, status,
       properties, tags, version
FROM live.contacts WHERE id = ANY(:ids);

-- name: add_contacts
-- New contacts. Somebody may have added one of them since the look-up: then fewer rows come back, and the block is done again.
INSERT INTO contacts (id, organisation_id, external_id, key, person, language, gender, timezone, country, city, postal_code,
                      lifecycle_stage, properties, tags, content_hash, created_at, updated_at)
SELECT id, :organisation, external_id, key, person, language, gender, timezone, country, city, postal_code,
       lifecycle_stage, properties, tags, content_hash, :now, :now
FROM pg_temp.import_contacts WHERE is_new
ON CONFLICT (organisation_id, external_id) DO NOTHING;

-- name: change_contacts
-- Contacts that were there; one that changed since the look-up has another version and is left, and the block is done again.
-- Whose address changes is no test recipient any more: a file must not lead tests to somebody else.
UPDATE contacts AS c
SET external_id = r.external_id, key = r.key, person = r.person, language = r.language, gender = r.gender, timezone = r.timezone,
    country = r.country, city = r.city, postal_code = r.postal_code, lifecycle_stage = r.lifecycle_stage,
    properties = r.properties, tags = r.tags, content_hash = r.content_hash,
    version = c.version + 1, updated_at = :now, deleted_at = NULL,
    is_test = c.is_test AND NOT EXISTS (
      SELECT FROM pg_temp.import_addresses AS i WHERE i.contact_id = c.id AND i.position = 0 AND NOT EXISTS (
        SELECT FROM contact_addresses AS a
        WHERE a.contact_id = c.id AND a.kind = i.kind AND a.position = 0 AND a.blind = i.blind))
FROM pg_temp.import_contacts AS r
WHERE c.id = r.id AND NOT r.is_new AND c.version = r.version;

-- name: drop_addresses
-- The addresses of changed contacts, to be written again.
DELETE FROM contact_addresses AS a USING pg_temp.import_contacts AS r WHERE a.contact_id = r.id AND NOT r.is_new;

-- name: add_addresses
-- One row per address of every contact written.
INSERT INTO contact_addresses (organisation_id, contact_id, kind, position, blind, domain, country, takes_sms)
SELECT :organisation, contact_id, kind, position, blind, domain, country, takes_sms FROM pg_temp.import_addresses;

-- name: rename
-- The names of contacts that were there and are called otherwise now, at once: no segment may go by what they were. In the order of
-- their ids, so that two who rename never wait for each other.
INSERT INTO contact_names (organisation_id, contact_id, first_name, last_name, beginnings)
SELECT :organisation, contact_id, first_name, last_name, beginnings FROM pg_temp.import_names ORDER BY contact_id
ON CONFLICT (contact_id) DO UPDATE
SET first_name = excluded.first_name, last_name = excluded.last_name, beginnings = excluded.beginnings;

-- name: leave_names
-- The names of new contacts are read after the import: their index takes as long as all the rest.
INSERT INTO unread_names (organisation_id, contact_ids, due_at)
SELECT :organisation, array_agg(id), :later FROM pg_temp.import_contacts WHERE is_new HAVING count(*) > 0;

-- name: grant_new
-- The consent of new contacts: one act for all channels.
INSERT INTO consent_entries (organisation_id, contact_id, channels, purpose, state, basis, source, wording, at, recorded_by)
SELECT :organisation, id, :channels, 'marketing', 'granted', :basis, :source, :wording, :now, :by
FROM pg_temp.import_contacts WHERE consent AND is_new;

-- name: grant_changed
-- The consent of contacts that were there, only for channels on which nothing is known: a file never overrides a person.
INSERT INTO consent_entries (organisation_id, contact_id, channels, purpose, state, basis, source, wording, at, recorded_by)
SELECT :organisation, r.id, open.channels, 'marketing', 'granted', :basis, :source, :wording, :now, :by
FROM pg_temp.import_contacts AS r
CROSS JOIN LATERAL (
  SELECT array_agg(asked.channel ORDER BY asked.channel) AS channels FROM unnest(CAST(:channels AS text[])) AS asked(channel)
  WHERE NOT EXISTS (
    SELECT FROM live.consent_states AS s
    WHERE s.contact_id = r.id AND s.channel = asked.channel AND s.purpose = 'marketing')
) AS open
WHERE r.consent AND NOT r.is_new AND open.channels IS NOT NULL;

-- name: move
-- The numbers and the place in the file move with the rows, in their transaction, and only for the owner of the lease.
UPDATE imports
SET position = :position, rows = :rows, created = created + :created, updated = updated + :updated,
    unchanged = unchanged + :unchanged, failed = failed + :failed, warned = warned + :warned, last_row = :last_row,
    lease_until = :until
WHERE id = :id AND lease_token = :token AND state = 'running' AND position = :before;

-- name: finish
-- The end, good or bad; whoever lost the lease or was cancelled ends nothing.
UPDATE imports SET state = :state, failure = :failure, finished_at = :now, lease_token = NULL, lease_until = NULL
WHERE id = :id AND lease_token = :token AND state = 'running';
