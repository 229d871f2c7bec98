"""A send has many occurrences, a message may carry values of its own, and partitions are made for whatever is partitioned."""

from pathlib import Path

from alembic import op

from migrations import security

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

# One after the other: the last one asks for the new names.
_NAMES = (
    """
SELECT format('ALTER TABLE public.%I RENAME TO %I', relname, 'engagement_events' || substr(relname, 7))
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname LIKE 'traces%'
    """,
    """
SELECT format('ALTER INDEX public.%I RENAME TO %I', relname, replace(relname, 'traces', 'engagement_events'))
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('i', 'I') AND relname LIKE '%traces%'
    """,
    """
SELECT format('ALTER SEQUENCE public.%I RENAME TO %I', relname, replace(relname, 'traces', 'engagement_events'))
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND relname LIKE 'traces%'
    """,
    """
SELECT format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', conrelid::regclass, conname,
  replace(conname, 'traces', 'engagement_events'))
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conname LIKE '%traces%' AND coninhcount = 0 AND contype IN ('n', 'c', 'f')
    """,
)


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    run = cursor.execute
    run("DROP VIEW live.traces")
    run("DROP VIEW live.sends")
    run("ALTER TABLE sends RENAME COLUMN occurrence_id TO first_occurrence")
    run("ALTER TABLE messages ADD COLUMN payload bytea")
    for names in _NAMES:
        run(names)
        for (statement,) in cursor.fetchall():
            run(statement)
    for table in ("engagement_events", "sends", "messages"):
        security.show(run, table)
    run((Path(__file__).parent / "0041_partitions.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("This migration has no way back: restore a backup instead.")
