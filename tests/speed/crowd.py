"""A great many contacts by SQL alone, with addresses and consent. Their sealed parts are empty words: nobody opens them."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

TABLES = ("contacts", "contact_addresses", "consent_states", "suppressions")
_FILL = """
INSERT INTO contacts (id, organisation_id, external_id, key, person, language, gender, city, engagement_score, status,
                      properties, tags, version, created_at, updated_at, deleted_at)
SELECT uuidv7(), :organisation, n::text, repeat('k', 63)::bytea, repeat('p', 180)::bytea, (ARRAY['he','en','ar'])[1 + n % 3],
       (ARRAY['female','male'])[1 + n % 2], (ARRAY['Haifa','Tel Aviv','Jerusalem','Eilat','Beer Sheva'])[1 + n % 5],
       n % 101, 'active',
       jsonb_build_object('balance', n % 40000, 'product', (ARRAY['gold','silver','none'])[1 + n % 3],
                          'joined', to_char(date '2024-01-01' + (n % 1000)::int, 'YYYY-MM-DD'), 'is_member', n % 7 = 0),
       CASE WHEN n % 997 = 0 THEN ARRAY['staff'] WHEN n % 50 = 0 THEN ARRAY['vip'] ELSE '{}' END,
       1, now(), now(), CASE WHEN n % 1000 = 0 THEN now() END
FROM generate_series(1, :contacts) AS n;
INSERT INTO contact_addresses (organisation_id, contact_id, kind, position, blind, domain)
SELECT organisation_id, id, 'email', 0, substr(sha256(external_id::bytea), 1, 16), 'mail.example' FROM contacts;
INSERT INTO consent_entries (organisation_id, contact_id, channels, purpose, state, basis, source, at)
SELECT organisation_id, id, '{sms}', 'marketing', 'granted', 'form', 'bench', now() FROM contacts WHERE external_id::int % 5 <> 0
"""
# For sending: one of twenty has no phone, as many a landline alone, as many a landline first; families share; some are suppressed.
_REACHABLE = """
INSERT INTO contact_addresses (organisation_id, contact_id, kind, position, blind, country, takes_sms)
SELECT organisation_id, id, 'phone', place, substr(sha256(((external_id::int / CASE WHEN external_id::int % 50 < 2 THEN 50 ELSE 1 END)
         || CASE place WHEN 0 THEN ' first' ELSE ' second' END)::bytea), 1, 16), 'IL',
       place = 1 OR external_id::int % 20 NOT IN (7, 8)
FROM contacts, generate_series(0, 1) AS place WHERE external_id::int % 20 <> 6 AND (place = 0 OR external_id::int % 20 = 8);
INSERT INTO suppressions (organisation_id, channel, blind, address, reason, source, at)
SELECT DISTINCT ON (a.blind) a.organisation_id, 'sms', a.blind, '\\x00', 'manual', 'bench', now()
FROM contact_addresses a JOIN contacts c ON c.id = a.contact_id WHERE a.kind = 'phone' AND c.external_id::int % 40 = 3
"""


def fill(session: Session, organisation_id: UUID, number: int, *, reachable: bool = False) -> None:
    """Make so many contacts; `reachable` gives them phones as well."""
    given = {"organisation": organisation_id, "contacts": number}
    for statement in [*_FILL.split(";\n"), *(_REACHABLE.split(";\n") if reachable else [])]:
        session.execute(text(statement), {k: v for k, v in given.items() if f":{k}" in statement})
