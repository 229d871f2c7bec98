"""Door of the reports: make one."""

from uuid import UUID

from app.domain.reports import runs
from jobs.runtime import job, runtime


@job
def run(organisation_id: UUID, run_id: UUID) -> None:
    """Make a report that was asked for."""
    runs.make(runtime().opener(organisation_id), run_id)
