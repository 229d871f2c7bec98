"""Door of the imports: carry one out."""

from uuid import UUID

from app.domain.transfer import loading
from jobs.runtime import job, runtime


@job
def run_import(organisation_id: UUID, import_id: UUID) -> None:
    """Carry out an import, from where it stands."""
    loading.run(runtime().opener(organisation_id), import_id)
