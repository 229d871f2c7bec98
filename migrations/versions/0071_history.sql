-- The events of a contact by when they were: a page of his history reads as many as it shows, however many there are.
-- squawk-ignore require-concurrent-index-creation -- the table is as new as this, nobody waits
CREATE INDEX ix_events_history ON events (contact_id, occurred_at) WHERE contact_id IS NOT NULL;
