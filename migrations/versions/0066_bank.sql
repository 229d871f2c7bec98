-- Balances that come as files.
CREATE TABLE balance_files (
  id uuid DEFAULT uuidv7() NOT NULL,
  day DATE NOT NULL,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  is_signed BOOLEAN NOT NULL,
  rows INTEGER NOT NULL,
  control_total NUMERIC(24, 2) NOT NULL,
  state TEXT NOT NULL,
  failure TEXT,
  kept INTEGER DEFAULT '0' NOT NULL,
  issues INTEGER DEFAULT '0' NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  taken_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_balance_files PRIMARY KEY (id),
  CONSTRAINT ck_balance_files_state CHECK (state IN ('waiting', 'queued', 'taken', 'refused'))
);
CREATE UNIQUE INDEX uq_balance_files_digest ON balance_files (organisation_id, day, digest) WHERE state <> 'refused';
CREATE INDEX ix_balance_files_queued ON balance_files (organisation_id, id) WHERE state = 'queued';
