"""The reports there are: what each is about, who may ask for it and read it, and how it is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, NotFound, mark
from app.domain.bank import programmes, qualification, review
from app.domain.bank.models import QualificationRun
from app.domain.campaigns import drafts
from app.domain.campaigns.models import Campaign
from app.domain.reports import bank_month, bank_pack
from app.domain.reports import campaign as campaign_report
from app.domain.reports.made import Made


@dataclass(frozen=True)
class Kind:
    """A report: `about` is the field of its request that names its subject, `named` finds that and what it is called.

    One that is not mailed stays in the house.
    """

    title: str
    about: str
    named: Callable[[Session, UUID, Actor], str]
    make: Callable[[Session, UUID, str], Made | None]
    asks: Sequence[str] = ("reports:run",)
    reads: Sequence[str] = ("reports:read",)
    is_mailed: bool = True


def _campaign(session: Session, campaign_id: UUID, by: Actor) -> str:
    return drafts.get(session, campaign_id, by=by).name


def _make_campaign(session: Session, campaign_id: UUID, locale: str) -> Made | None:
    campaign = session.get(Campaign, campaign_id)
    return campaign_report.make(session, campaign, locale) if campaign else None


def _run(session: Session, run_id: UUID, by: Actor) -> str:
    run = qualification.get(session, run_id, by=by)
    if run.calculated_at is None:
        raise Conflict(mark("This month has not been calculated yet."))
    return review.name_of(session, run)


def _make_month(session: Session, run_id: UUID, locale: str) -> Made | None:
    run = session.get(QualificationRun, run_id)
    return bank_month.make(session, run, locale) if run else None


def _make_pack(session: Session, run_id: UUID, locale: str) -> Made | None:
    run = session.get(QualificationRun, run_id)
    return bank_pack.make(session, run, locale) if run else None


CATALOGUE = {
    "campaign": Kind(mark("Campaign report"), "campaign_id", _campaign, _make_campaign),
    "bank_month": Kind(
        mark("Report of the month"), "run", _run, _make_month,
        asks=("reports:run", "bank:read"), reads=programmes.READS,
    ),
    "bank_pack": Kind(
        mark("Pack for auditors"), "run", _run, _make_pack,
        asks=("audit:read", "bank:read"), reads=("audit:read", "bank:read"), is_mailed=False,
    ),
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """A report by its name. Raises NotFound."""
    if name not in CATALOGUE:
        raise NotFound(mark("There is no such report."))
    return CATALOGUE[name]


def readable(by: Actor) -> list[str]:
    """The reports this actor may read."""
    return [name for name, kind in CATALOGUE.items() if all(map(by.may, kind.reads))]
