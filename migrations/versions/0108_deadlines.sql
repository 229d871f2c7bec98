-- Who waits for a colleague's decision, whose time runs out first at the top: a page reads no further than its rows.
-- squawk-ignore require-concurrent-index-creation -- it holds those alone who wait for a person
CREATE INDEX ix_flow_runs_deadline ON flow_runs (organisation_id, due_at, id) WHERE state = 'active' AND waits_for = 'review';
