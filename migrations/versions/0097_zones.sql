-- The zones people are in: few, whatever the number of people. Who has none is in the organisation's, and not in here.
-- squawk-ignore require-concurrent-index-creation -- a second for a million people, most of whom have none
CREATE INDEX ix_contacts_zones ON contacts (organisation_id, timezone) WHERE timezone IS NOT NULL;
