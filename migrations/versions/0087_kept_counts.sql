-- What a count over everything found, for whoever asks within a minute.
CREATE TABLE kept_counts (
  organisation_id uuid NOT NULL,
  name TEXT NOT NULL,
  asked TEXT NOT NULL,
  at timestamptz NOT NULL,
  found jsonb NOT NULL,
  CONSTRAINT pk_kept_counts PRIMARY KEY (organisation_id, name, asked)
);
