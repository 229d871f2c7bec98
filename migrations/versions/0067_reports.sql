-- The files of a report as they were made: written once, never changed.
-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid -- a few rows
ALTER TABLE report_runs ADD CONSTRAINT uq_report_runs_organisation_id_id UNIQUE (organisation_id, id);

CREATE TABLE report_files (
  run_id uuid NOT NULL,
  kind TEXT NOT NULL,
  checksum TEXT NOT NULL,
  made_at timestamptz NOT NULL,
  organisation_id uuid NOT NULL,
  CONSTRAINT pk_report_files PRIMARY KEY (run_id, kind),
  CONSTRAINT fk_report_files_organisation_id_run_id FOREIGN KEY (organisation_id, run_id) REFERENCES report_runs (organisation_id, id),
  CONSTRAINT ck_report_files_kind CHECK (kind IN ('xlsx', 'pdf', 'zip', 'py'))
);
INSERT INTO report_files (run_id, kind, checksum, made_at, organisation_id)
SELECT id, 'xlsx', xlsx, COALESCE(finished_at, created_at), organisation_id FROM report_runs WHERE xlsx IS NOT NULL
UNION ALL SELECT id, 'pdf', pdf, COALESCE(finished_at, created_at), organisation_id FROM report_runs WHERE pdf IS NOT NULL;
ALTER TABLE report_runs DROP COLUMN xlsx, DROP COLUMN pdf;
