"""Doors of the bank: take balances and restrictions, calculate a month, tell those who qualified."""

from uuid import UUID

from app.domain.bank import balances, files, qualification, restrictions
from app.domain.bank import release as releases
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


@job
def release(organisation_id: UUID, run_id: UUID) -> None:
    """Make the messages of a released run."""
    releases.make_all(runtime().opener(organisation_id), run_id)


@job
def load_file(organisation_id: UUID, file_id: UUID) -> None:
    """Take a file of balances."""
    with runtime().unit(organisation_id) as session:
        files.load(session, file_id)
