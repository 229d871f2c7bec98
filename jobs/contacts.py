"""Door of the contacts: read the names of those who were written by the set."""

from uuid import UUID

from app.domain.contacts import unread
from jobs.lanes import lane, turn
from jobs.runtime import runtime


@lane
def read_names(organisation_id: UUID) -> None:
    """Read the names that wait."""
    unread.read_all(runtime().opener(organisation_id), stopping=turn())
