-- How often events of a name were told, by the hour, of the last 30 days.
CREATE TABLE event_hours (
  organisation_id uuid NOT NULL,
  hour timestamptz NOT NULL,
  name TEXT NOT NULL,
  number BIGINT NOT NULL,
  CONSTRAINT pk_event_hours PRIMARY KEY (organisation_id, hour, name)
);
