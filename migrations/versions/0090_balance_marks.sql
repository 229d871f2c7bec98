-- When the last value of each day of balances came in.
CREATE TABLE balance_marks (
  organisation_id uuid NOT NULL,
  day DATE NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_balance_marks PRIMARY KEY (organisation_id, day)
);
INSERT INTO balance_marks SELECT organisation_id, day, max(taken_at) FROM balances WHERE is_current GROUP BY organisation_id, day;
