-- The days on which customers came to the bank.
CREATE TABLE openings (
  contact_id uuid NOT NULL,
  opened_on DATE NOT NULL,
  told_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_openings PRIMARY KEY (contact_id)
);
ALTER TABLE qualification_outcomes ADD COLUMN opened_on date;
ALTER TABLE programme_versions ADD COLUMN opening text NOT NULL DEFAULT 'missing';
-- squawk-ignore constraint-missing-not-valid -- a table of a few rows
ALTER TABLE programme_versions ADD CONSTRAINT ck_programme_versions_opening CHECK (opening IN ('missing', 'never', 'from'));
