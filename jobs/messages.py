"""Doors of the messages: send, apply receipts, reconcile."""

from functools import partial
from uuid import UUID

from app.core.pipeline import pipeline
from app.domain.messages import dispatch, polling, receipts, reconcile, sends
from jobs.lanes import lane, turn
from jobs.runtime import job, runtime


@lane
def send_sms(organisation_id: UUID) -> None:
    """Send the SMS that are due."""
    _send(organisation_id, "sms")


@lane
def send_email(organisation_id: UUID) -> None:
    """Send the e-mails that are due."""
    _send(organisation_id, "email")


def _send(organisation_id: UUID, channel: str) -> None:
    here = runtime()
    open_unit, open_pipeline = here.opener(organisation_id), partial(pipeline, here.settings, organisation_id)
    tally = dispatch.dispatch(open_unit, open_pipeline, here.open_channel, channel, stopping=turn())
    if tally.time_over:
        here.enqueue(sends.JOB[channel], organisation_id)


@job
def refresh_statistics(organisation_id: UUID, occurrence_id: UUID) -> None:
    """Let the planner know the messages of a launch: a plan made on an empty table reads a full one from end to end."""
    with runtime().unit(organisation_id) as session:
        sends.refresh_statistics(session, occurrence_id)


@lane
def apply_receipts(organisation_id: UUID) -> None:
    """Apply the receipts in the inbox."""
    here = runtime()
    if receipts.apply_all(here.opener(organisation_id), stopping=turn()):
        here.enqueue(receipts.APPLY_RECEIPTS, organisation_id)


@lane
def poll(organisation_id: UUID) -> None:
    """Ask the providers about messages without a receipt."""
    here = runtime()
    polling.poll(here.opener(organisation_id), here.open_channel, stopping=turn())


@lane
def reconcile_doubts(organisation_id: UUID) -> None:
    """Ask the providers about messages in doubt."""
    here = runtime()
    reconcile.reconcile(here.opener(organisation_id), here.open_channel)
