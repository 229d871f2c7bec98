-- Filters of lists, kept by a name.
CREATE TABLE saved_filters (
  id uuid NOT NULL DEFAULT uuidv7(),
  of_list text NOT NULL,
  name text NOT NULL,
  narrows jsonb NOT NULL,
  is_shared boolean NOT NULL,
  created_by uuid NOT NULL,
  created_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_saved_filters PRIMARY KEY (id),
  CONSTRAINT uq_saved_filters_organisation_id_id UNIQUE (organisation_id, id),
  CONSTRAINT fk_saved_filters_created_by_users FOREIGN KEY (organisation_id, created_by)
    REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_saved_filters_organisation_id_of_list ON saved_filters (organisation_id, of_list);
CREATE UNIQUE INDEX uq_saved_filters_name ON saved_filters (organisation_id, created_by, of_list, lower(name));
CREATE TABLE opens_with (
  user_id uuid NOT NULL,
  of_list text NOT NULL,
  filter_id uuid NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_opens_with PRIMARY KEY (user_id, of_list),
  CONSTRAINT fk_opens_with_filter_id_saved_filters FOREIGN KEY (organisation_id, filter_id)
    REFERENCES saved_filters (organisation_id, id) ON DELETE CASCADE,
  CONSTRAINT fk_opens_with_user_id_users FOREIGN KEY (organisation_id, user_id)
    REFERENCES users (organisation_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_opens_with_organisation_id_filter_id ON opens_with (organisation_id, filter_id);
