-- Review and release of a run.
ALTER TABLE programme_versions ADD COLUMN template_id uuid;
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid -- a few rows, which are all empty in it
ALTER TABLE programme_versions ADD CONSTRAINT fk_programme_versions_organisation_id_template_id FOREIGN KEY (organisation_id, template_id) REFERENCES templates (organisation_id, id);

ALTER TABLE qualification_runs ADD COLUMN approval_id uuid, ADD COLUMN released_at timestamptz, ADD COLUMN released_by uuid,
  ADD COLUMN occurrence_id uuid, ADD COLUMN made_at timestamptz, ADD COLUMN told JSONB;
-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid -- a few rows, which are all empty in it
ALTER TABLE qualification_runs ADD CONSTRAINT fk_qualification_runs_organisation_id_approval_id FOREIGN KEY (organisation_id, approval_id) REFERENCES approvals (organisation_id, id);
ALTER TABLE qualification_runs DROP CONSTRAINT ck_qualification_runs_state;
-- squawk-ignore constraint-missing-not-valid -- a few rows
ALTER TABLE qualification_runs ADD CONSTRAINT ck_qualification_runs_state CHECK (state IN ('queued', 'calculated', 'failed', 'superseded', 'in_review', 'approved', 'released', 'paused', 'completed'));
-- squawk-ignore require-concurrent-index-creation -- a few rows
CREATE INDEX ix_qualification_runs_released ON qualification_runs (organisation_id, id) WHERE state IN ('released', 'paused');

CREATE TABLE qualification_overrides (
  id uuid DEFAULT uuidv7() NOT NULL,
  run_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  before TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  evidence TEXT,
  evidence_name TEXT,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  withdrawn_by uuid,
  withdrawn_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_qualification_overrides PRIMARY KEY (id),
  CONSTRAINT fk_qualification_overrides_organisation_id_run_id FOREIGN KEY (organisation_id, run_id) REFERENCES qualification_runs (organisation_id, id),
  CONSTRAINT ck_qualification_overrides_outcome CHECK (outcome IN ('qualified', 'not_qualified', 'indeterminate')),
  CONSTRAINT ck_qualification_overrides_before CHECK (before IN ('qualified', 'not_qualified', 'indeterminate'))
);
CREATE UNIQUE INDEX uq_qualification_overrides_standing ON qualification_overrides (run_id, contact_id) WHERE withdrawn_at IS NULL;

CREATE TABLE qualification_samples (
  run_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  place SMALLINT NOT NULL,
  is_right BOOLEAN,
  checked_by uuid,
  checked_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_qualification_samples PRIMARY KEY (run_id, contact_id),
  CONSTRAINT fk_qualification_samples_organisation_id_run_id FOREIGN KEY (organisation_id, run_id) REFERENCES qualification_runs (organisation_id, id)
);

CREATE TABLE qualification_notices (
  programme_id uuid NOT NULL,
  month DATE NOT NULL,
  contact_id uuid NOT NULL,
  run_id uuid NOT NULL,
  noted_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_qualification_notices PRIMARY KEY (programme_id, month, contact_id),
  CONSTRAINT fk_qualification_notices_organisation_id_programme_id FOREIGN KEY (organisation_id, programme_id) REFERENCES programmes (organisation_id, id),
  CONSTRAINT fk_qualification_notices_organisation_id_run_id FOREIGN KEY (organisation_id, run_id) REFERENCES qualification_runs (organisation_id, id)
);
CREATE INDEX ix_qualification_notices_run_id ON qualification_notices (run_id);
