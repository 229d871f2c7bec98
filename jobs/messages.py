"""Doors of the messages: send, apply receipts, reconcile."""

from functools import partial
from uuid import UUID

from app.core.pipeline import pipeline
from app.core.queue import Job
from app.domain.messages import dispatch, receipts, reconcile
from jobs.runtime import job, runtime, stopping


@job
def send_sms(organisation_id: UUID) -> None:
    """Send the SMS that are due."""
    _send(organisation_id, "sms", Job.SEND_SMS)


@job
def send_email(organisation_id: UUID) -> None:
    """Send the e-mails that are due."""
    _send(organisation_id, "email", Job.SEND_EMAIL)


def _send(organisation_id: UUID, channel: str, again: Job) -> None:
    here = runtime()
    open_unit, open_pipeline = here.opener(organisation_id), partial(pipeline, here.settings, organisation_id)
    tally = dispatch.dispatch(open_unit, open_pipeline, here.open_channel, channel, stopping=stopping.is_set)
    if tally.time_over:
        here.ring(again, organisation_id)


@job
def apply_receipts(organisation_id: UUID) -> None:
    """Apply the receipts in the inbox."""
    receipts.apply_all(runtime().opener(organisation_id))


@job
def reconcile_doubts(organisation_id: UUID) -> None:
    """Ask the providers about messages in doubt."""
    here = runtime()
    reconcile.reconcile(here.opener(organisation_id), here.open_channel)
