"""Doors of the flows: walk who is due."""

from uuid import UUID

from app.domain.flows import runs, starts
from jobs.lanes import lane, turn
from jobs.runtime import runtime


@lane
def execute(organisation_id: UUID) -> None:
    """Walk everybody who is due."""
    here = runtime()
    if runs.execute(here.opener(organisation_id), stopping=turn()):
        here.enqueue(starts.EXECUTE, organisation_id)
