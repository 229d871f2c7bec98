-- What the core bank says of people that must not be written to, and how old that is.
CREATE TABLE contact_restrictions (
  contact_id uuid NOT NULL,
  flag TEXT NOT NULL,
  since DATE,
  fed_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_contact_restrictions PRIMARY KEY (contact_id, flag),
  CONSTRAINT fk_contact_restrictions_organisation_id_contact_id FOREIGN KEY(organisation_id, contact_id) REFERENCES contacts (organisation_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_contact_restrictions_flag CHECK (flag IN ('deceased', 'fraud', 'guardianship', 'minor', 'collections', 'open_complaint', 'employee'))
);
CREATE INDEX ix_contact_restrictions_organisation_id_flag ON contact_restrictions (organisation_id, flag);

CREATE TABLE restriction_feeds (
  organisation_id uuid NOT NULL,
  state TEXT NOT NULL,
  after TEXT DEFAULT '' NOT NULL,
  records INTEGER DEFAULT '0' NOT NULL,
  unknown INTEGER DEFAULT '0' NOT NULL,
  accepts_fewer BOOLEAN DEFAULT false NOT NULL,
  tries SMALLINT DEFAULT '0' NOT NULL,
  due_at timestamptz NOT NULL,
  lease_until timestamptz,
  failure TEXT,
  asked_by uuid,
  asked_at timestamptz NOT NULL,
  fed_at timestamptz,
  CONSTRAINT pk_restriction_feeds PRIMARY KEY (organisation_id),
  CONSTRAINT ck_restriction_feeds_state CHECK (state IN ('queued', 'running', 'taken', 'refused'))
);
