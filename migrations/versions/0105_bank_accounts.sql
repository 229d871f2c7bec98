-- The accounts of customers who are told with any, and what a programme makes of them.
CREATE TABLE bank_accounts (
  contact_id uuid NOT NULL,
  account TEXT NOT NULL,
  account_type TEXT NOT NULL,
  currency TEXT NOT NULL,
  since DATE NOT NULL,
  first_day DATE NOT NULL,
  opened_on DATE,
  closed_on DATE,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_bank_accounts PRIMARY KEY (contact_id, account)
);
ALTER TABLE balances ADD COLUMN account text NOT NULL DEFAULT '', ADD COLUMN account_type text NOT NULL DEFAULT 'current';
-- What was a customer's day is that of one of his accounts. Web and workers stand still meanwhile; a minute for every forty million rows.
ALTER TABLE balances DROP CONSTRAINT pk_balances;
-- squawk-ignore adding-serial-primary-key-field, constraint-missing-not-valid, disallowed-unique-constraint -- as above
ALTER TABLE balances ADD CONSTRAINT pk_balances PRIMARY KEY (contact_id, day, version, account);
-- squawk-ignore require-concurrent-index-deletion -- not possible for a partitioned index
DROP INDEX ix_balances_contact_id_day;
-- squawk-ignore require-concurrent-index-creation -- not possible for a partitioned table
CREATE UNIQUE INDEX ix_balances_contact_id_day_account ON balances (contact_id, day, account) WHERE is_current;
ALTER TABLE programme_versions ADD COLUMN accounts text[] NOT NULL DEFAULT '{}';
ALTER TABLE qualification_outcomes ADD COLUMN accounts jsonb;
