"""Doors of the flows: walk who is due, call other systems."""

from functools import partial
from uuid import UUID

from app.domain.flows import calls, runs, starts
from app.gateways.http import Http
from jobs.lanes import lane, turn
from jobs.runtime import runtime


@lane
def execute(organisation_id: UUID) -> None:
    """Walk everybody who is due."""
    here = runtime()
    if runs.execute(here.opener(organisation_id), stopping=turn()):
        here.enqueue(starts.EXECUTE, organisation_id)


@lane
def call(organisation_id: UUID) -> None:
    """Call the systems that are to be called."""
    here = runtime()
    open_http = partial(Http, allow_private=not here.settings.is_production, read_seconds=calls.READ_SECONDS)
    if calls.call_all(here.opener(organisation_id), open_http, stopping=turn()):
        here.enqueue(starts.CALLING, organisation_id)
