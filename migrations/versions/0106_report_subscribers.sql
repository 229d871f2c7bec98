-- Who gets the report of a programme's months.
CREATE TABLE report_subscribers (
  id uuid DEFAULT uuidv7() NOT NULL,
  programme_id uuid NOT NULL,
  address TEXT NOT NULL,
  language TEXT NOT NULL,
  formats TEXT[] NOT NULL,
  is_asked BOOLEAN NOT NULL,
  created_at timestamptz NOT NULL,
  left_at timestamptz,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_report_subscribers PRIMARY KEY (id),
  CONSTRAINT uq_report_subscribers_organisation_id_programme_id_address UNIQUE (organisation_id, programme_id, address),
  CONSTRAINT fk_report_subscribers_organisation_id_programme_id FOREIGN KEY (organisation_id, programme_id) REFERENCES programmes (organisation_id, id)
);
ALTER TABLE notices ADD COLUMN leave_url text;
