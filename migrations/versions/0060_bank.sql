-- Programmes, balances, runs.
CREATE TABLE programmes (
  id uuid DEFAULT uuidv7() NOT NULL,
  name TEXT NOT NULL,
  number INTEGER NOT NULL,
  created_at timestamptz NOT NULL,
  archived_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_programmes PRIMARY KEY (id),
  CONSTRAINT uq_programmes_organisation_id_id UNIQUE (organisation_id, id),
  CONSTRAINT uq_programmes_organisation_id_name UNIQUE (organisation_id, name)
);

CREATE TABLE programme_versions (
  id uuid DEFAULT uuidv7() NOT NULL,
  programme_id uuid NOT NULL,
  number INTEGER NOT NULL,
  threshold NUMERIC(18, 2) NOT NULL,
  currency TEXT NOT NULL,
  rule TEXT NOT NULL,
  days SMALLINT,
  calendar TEXT NOT NULL,
  carry_days SMALLINT DEFAULT '0' NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_programme_versions PRIMARY KEY (id),
  CONSTRAINT uq_programme_versions_organisation_id_id UNIQUE (organisation_id, id),
  CONSTRAINT uq_programme_versions_organisation_id_programme_id_number UNIQUE (organisation_id, programme_id, number),
  CONSTRAINT fk_programme_versions_organisation_id_programme_id FOREIGN KEY(organisation_id, programme_id) REFERENCES programmes (organisation_id, id),
  CONSTRAINT ck_programme_versions_rule CHECK (rule IN ('every', 'at_least', 'average')),
  CONSTRAINT ck_programme_versions_calendar CHECK (calendar IN ('value', 'carry', 'exempt'))
);

CREATE TABLE balance_days (
  organisation_id uuid NOT NULL,
  day DATE NOT NULL,
  state TEXT DEFAULT 'queued' NOT NULL,
  after TEXT DEFAULT '' NOT NULL,
  records INTEGER DEFAULT '0' NOT NULL,
  kept INTEGER DEFAULT '0' NOT NULL,
  issues INTEGER DEFAULT '0' NOT NULL,
  tries SMALLINT DEFAULT '0' NOT NULL,
  due_at timestamptz NOT NULL,
  lease_until timestamptz,
  failure TEXT,
  asked_by uuid,
  asked_at timestamptz NOT NULL,
  taken_at timestamptz,
  CONSTRAINT pk_balance_days PRIMARY KEY (organisation_id, day),
  CONSTRAINT ck_balance_days_state CHECK (state IN ('queued', 'running', 'taken', 'failed'))
);
CREATE INDEX ix_balance_days_organisation_id_due_at ON balance_days (organisation_id, due_at) WHERE state IN ('queued', 'running');

CREATE TABLE balance_checks (
  id uuid DEFAULT uuidv7() NOT NULL,
  first DATE NOT NULL,
  last DATE NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_balance_checks PRIMARY KEY (id)
);

CREATE TABLE balances (
  contact_id uuid NOT NULL,
  day DATE NOT NULL,
  version INTEGER NOT NULL,
  amount NUMERIC(18, 2) NOT NULL,
  currency TEXT NOT NULL,
  record TEXT NOT NULL,
  source TEXT NOT NULL,
  taken_at timestamptz NOT NULL,
  is_current BOOLEAN NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_balances PRIMARY KEY (contact_id, day, version)
)
 PARTITION BY RANGE (day);
CREATE UNIQUE INDEX ix_balances_contact_id_day ON balances (contact_id, day) WHERE is_current;
CREATE INDEX ix_balances_organisation_id_day ON balances (organisation_id, day) WHERE is_current;

CREATE TABLE balance_issues (
  organisation_id uuid NOT NULL,
  day DATE NOT NULL,
  kind TEXT NOT NULL,
  record TEXT NOT NULL,
  contact_id uuid,
  external_id TEXT NOT NULL,
  sealed BYTEA,
  found_at timestamptz NOT NULL,
  CONSTRAINT pk_balance_issues PRIMARY KEY (organisation_id, day, kind, record),
  CONSTRAINT ck_balance_issues_kind CHECK (kind IN ('missing', 'bad_format', 'duplicate', 'conflict', 'unknown_customer', 'wrong_currency', 'wrong_day'))
);
CREATE INDEX ix_balance_issues_organisation_id_contact_id_day ON balance_issues (organisation_id, contact_id, day);

CREATE TABLE qualification_runs (
  id uuid DEFAULT uuidv7() NOT NULL,
  programme_id uuid NOT NULL,
  programme_version_id uuid NOT NULL,
  month DATE NOT NULL,
  version INTEGER NOT NULL,
  state TEXT DEFAULT 'queued' NOT NULL,
  totals JSONB,
  gates JSONB,
  input_hash TEXT,
  failure TEXT,
  created_by uuid,
  created_at timestamptz NOT NULL,
  calculated_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_qualification_runs PRIMARY KEY (id),
  CONSTRAINT uq_qualification_runs_organisation_id_id UNIQUE (organisation_id, id),
  CONSTRAINT uq_qualification_runs_organisation_id_programme_id_mont_576b UNIQUE (organisation_id, programme_id, month, version),
  CONSTRAINT fk_qualification_runs_organisation_id_programme_id FOREIGN KEY(organisation_id, programme_id) REFERENCES programmes (organisation_id, id),
  CONSTRAINT fk_qualification_runs_organisation_id_programme_version_id FOREIGN KEY(organisation_id, programme_version_id) REFERENCES programme_versions (organisation_id, id),
  CONSTRAINT ck_qualification_runs_state CHECK (state IN ('queued', 'calculated', 'failed', 'superseded'))
);
CREATE INDEX ix_qualification_runs_organisation_id_id ON qualification_runs (organisation_id, id) WHERE state = 'queued';

CREATE TABLE qualification_outcomes (
  run_id uuid NOT NULL,
  contact_id uuid NOT NULL,
  outcome TEXT NOT NULL,
  days_passed SMALLINT NOT NULL,
  days_required SMALLINT NOT NULL,
  missing DATE[] NOT NULL,
  first_below DATE,
  below_amount NUMERIC(18, 2),
  lowest NUMERIC(18, 2),
  average NUMERIC(18, 2),
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_qualification_outcomes PRIMARY KEY (run_id, contact_id),
  CONSTRAINT fk_qualification_outcomes_organisation_id_run_id FOREIGN KEY(organisation_id, run_id) REFERENCES qualification_runs (organisation_id, id),
  CONSTRAINT ck_qualification_outcomes_outcome CHECK (outcome IN ('qualified', 'not_qualified', 'indeterminate'))
);
CREATE INDEX ix_qualification_outcomes_run_id_outcome_contact_id ON qualification_outcomes (run_id, outcome, contact_id);
