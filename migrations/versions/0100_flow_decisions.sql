-- Who waits for a colleague's decision, and when it was told that a flow is to be approved again.
ALTER TABLE flows ADD COLUMN renewal_told_at timestamptz;
-- squawk-ignore require-concurrent-index-creation -- it holds those alone who wait for a person
CREATE INDEX ix_flow_runs_asked ON flow_runs (organisation_id, version_id, step, id) WHERE state = 'active' AND waits_for = 'review';
