"""Doors of the segments: look again at contacts who changed, go through segments that are due."""

from uuid import UUID

from app.domain.segments import freshness
from jobs.lanes import lane, turn
from jobs.runtime import runtime


@lane
def refresh(organisation_id: UUID) -> None:
    """Look again at contacts who are not what they were."""
    freshness.refresh_woken(runtime().opener(organisation_id), stopping=turn())


@lane
def recount(organisation_id: UUID) -> None:
    """Go through the segments that are due."""
    freshness.refresh_due(runtime().opener(organisation_id), stopping=turn())
