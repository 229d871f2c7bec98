-- How far each account has been asked about its messages without a receipt.
CREATE TABLE polls (
  organisation_id uuid NOT NULL,
  provider_account_id uuid NOT NULL,
  asked_until timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  lease_until timestamptz,
  tries SMALLINT DEFAULT '0' NOT NULL,
  failure TEXT,
  CONSTRAINT pk_polls PRIMARY KEY (provider_account_id),
  CONSTRAINT fk_polls_organisation_id_provider_account_id FOREIGN KEY(organisation_id, provider_account_id) REFERENCES provider_accounts (organisation_id, id)
);
CREATE INDEX ix_polls_organisation_id_due_at ON polls (organisation_id, due_at);
-- What has no receipt, in the order it was sent. The processes of the version before do not run beside a migration, and a partitioned
-- table has no other way.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_messages_no_receipt ON messages (provider_account_id, sent_at) WHERE state = 'sent' AND channel = 'sms';
