"""Doors of the bank: take the balances of days and the restrictions, calculate a month."""

from uuid import UUID

from app.domain.bank import balances, qualification, restrictions
from jobs.lanes import lane, turn
from jobs.runtime import job, runtime


@lane
def take_day(organisation_id: UUID) -> None:
    """Take the balances that were asked for."""
    here = runtime()
    balances.take_all(here.opener(organisation_id), here.open_core_bank, stopping=turn())


@lane
def take_restrictions(organisation_id: UUID) -> None:
    """Take the restrictions that were asked for."""
    here = runtime()
    restrictions.take(here.opener(organisation_id), here.open_core_bank, stopping=turn())


@job
def calculate(organisation_id: UUID, run_id: UUID) -> None:
    """Make a run."""
    with runtime().unit(organisation_id) as session:
        qualification.calculate(session, run_id)
