"""Door of the notices: deliver."""

from uuid import UUID

from app.domain.notices.deliver import deliver_due
from jobs.runtime import job, runtime


@job
def deliver(organisation_id: UUID) -> None:
    """Deliver the mail to staff that is due."""
    deliver_due(runtime().opener(organisation_id))
