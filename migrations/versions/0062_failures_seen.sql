-- Up to when somebody has seen to the failures of a send, by category.
CREATE TABLE failures_seen (
  organisation_id uuid NOT NULL,
  send_id uuid NOT NULL,
  category TEXT NOT NULL,
  seen_until timestamptz NOT NULL,
  seen_by uuid,
  CONSTRAINT pk_failures_seen PRIMARY KEY (send_id, category),
  CONSTRAINT fk_failures_seen_organisation_id_send_id FOREIGN KEY(organisation_id, send_id) REFERENCES sends (organisation_id, id)
);
