"""A month as an auditor reads it: every outcome with its reasons, and the balances of the customers that were checked by hand."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.db import live
from app.core.files import Files
from app.core.sql import load
from app.core.unit import settings_of
from app.documents.table import Row
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.balances import month_of
from app.domain.bank.models import (
    Balance,
    BalanceDay,
    BalanceFile,
    BalanceIssue,
    Outcome,
    Override,
    QualificationRun,
    Sampled,
)
from app.domain.bank.outcomes import STANDS, standing
from app.domain.contacts.models import Contact

OUTCOMES = (
    "contact",
    "customer",
    "calculated",
    "outcome",
    "days_passed",
    "days_required",
    "missing",
    "first_below",
    "opened_on",
)
SAMPLE = ("place", "contact", "customer", "is_right", "checked_by", "checked_at")
BALANCES = (
    "contact",
    "customer",
    "day",
    "version",
    "account",
    "account_type",
    "amount",
    "currency",
    "record",
    "source",
    "taken_at",
    "is_current",
    "is_judged",
)
OVERRIDES = (
    "override", "contact", "customer", "before", "outcome", "reason", "evidence", "evidence_name", "created_by", "created_at",
    "withdrawn_by", "withdrawn_at",
)  # fmt: skip
DAYS = ("day", "state", "records", "kept", "issues", "tries", "asked_by", "asked_at", "taken_at", "failure")
RECEIVED = (
    "file", "day", "name", "digest", "is_signed", "rows", "control_total", "state", "failure", "kept", "issues", "created_by",
    "created_at", "taken_at",
)  # fmt: skip
ISSUES = ("day", "kind", "records")
INPUTS = ("contact", "opened_on", "digest", "accounts")
_SQL = load("bank/queries.sql")


def outcomes(session: Session, run: QualificationRun, *, by: Actor) -> Iterator[Row]:
    """Every customer of a run in the order of their ids (OUTCOMES): as it was calculated and as it stands."""
    require(by, "bank:read")
    contact = live(Contact)
    query = standing(run.id, Outcome, STANDS.label("stands"), contact.c.external_id)
    query = query.outerjoin(contact, contact.c.id == Outcome.contact_id).order_by(Outcome.contact_id)
    for row in session.execute(query.execution_options(yield_per=2000)):
        one: Outcome = row[0]
        missing = " ".join(day.isoformat() for day in one.missing)
        yield (
            str(one.contact_id), row.external_id or "", one.outcome, row.stands, one.days_passed, one.days_required, missing,
            one.first_below, one.opened_on,
        )  # fmt: skip


def drawn(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """The customers that were drawn to be checked by hand (SAMPLE)."""
    require(by, "bank:read")
    contact = live(Contact)
    query = select(Sampled, contact.c.external_id).outerjoin(contact, contact.c.id == Sampled.contact_id)
    found = session.execute(query.where(Sampled.run_id == run.id).order_by(Sampled.place)).all()
    return [
        (one.place, str(one.contact_id), number or "", one.is_right, _id(one.checked_by), one.checked_at)
        for one, number in found
    ]


def balances_of_sample(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """What those customers had, every version of every day the run could look at (BALANCES)."""
    require(by, "bank:read")
    span, contact = _span(session, run, by=by), live(Contact)
    query = (
        select(Balance, contact.c.external_id)
        .join(Sampled, (Sampled.contact_id == Balance.contact_id) & (Sampled.run_id == run.id))
        .outerjoin(contact, contact.c.id == Balance.contact_id)
        .where(Balance.day >= span["first"] - timedelta(days=span["carry"]), Balance.day < span["after"])
        .order_by(Sampled.place, Balance.day, Balance.account, Balance.version)
    )
    found = session.execute(query).all()
    known = {
        (one.contact_id, one.day, one.account): one for one, _number in found if one.taken_at <= span["moment"]
    }  # the newest by then
    counted, currency = span["accounts"], span["currency"]
    judged = {
        one
        for one in known.values()
        if one.currency == currency and one.account_type in (counted or [one.account_type])
    }
    return [
        (
            str(one.contact_id), number or "", one.day, one.version, one.account, one.account_type, one.amount, one.currency,
            one.record, one.source, one.taken_at, one.is_current, one in judged,
        )
        for one, number in found
    ]  # fmt: skip


def inputs(session: Session, run: QualificationRun, *, by: Actor) -> Iterator[Row]:
    """A digest of what each customer had when the run looked (INPUTS); the run's own is over them."""
    require(by, "bank:read")
    for row in session.execute(_SQL["inputs"], _span(session, run, by=by) | {"run": run.id}):
        yield (str(row.contact_id), row.opened_on, row.digest, row.accounts)


def _span(session: Session, run: QualificationRun, *, by: Actor) -> dict[str, Any]:
    """What a run looked at."""
    (first, after), asked = month_of(run.month), programmes.version_of(session, run, by=by)
    return {
        "first": first, "after": after, "carry": asked.carry_days, "currency": asked.currency, "moment": run.calculated_at,
        "accounts": asked.accounts or None,
    }  # fmt: skip


def overrides(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """Every word that was put against an outcome, also those taken back (OVERRIDES)."""
    require(by, "bank:read")
    contact = live(Contact)
    query = select(Override, contact.c.external_id).outerjoin(contact, contact.c.id == Override.contact_id)
    return [
        (
            str(one.id), str(one.contact_id), number or "", one.before, one.outcome, one.reason, one.evidence, one.evidence_name,
            _id(one.created_by), one.created_at, _id(one.withdrawn_by), one.withdrawn_at,
        )
        for one, number in session.execute(query.where(Override.run_id == run.id).order_by(Override.id)).all()
    ]  # fmt: skip


def files(session: Session, run: QualificationRun, *, by: Actor) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The files that show why, by their checksum and kind, each once."""
    require(by, "bank:read")
    store = Files(settings_of(session), run.organisation_id)
    query = select(Override.evidence, Override.evidence_name).where(
        Override.run_id == run.id, Override.evidence.is_not(None)
    )
    kept = {
        checksum: (name or "").rpartition(".")[2].lower() for checksum, name in session.execute(query).all() if checksum
    }
    for checksum, kind in sorted(kept.items()):
        yield f"{checksum}.{kind}", store.chunks(checksum)


def days(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """How the balances of each day were taken (DAYS)."""
    require(by, "bank:read")
    first, after = month_of(run.month)
    found: Sequence[BalanceDay] = balances.listed(session, first, after - timedelta(days=1), by=by)
    return [
        (
            one.day, one.state, one.records, one.kept, one.issues, one.tries, _id(one.asked_by), one.asked_at, one.taken_at,
            one.failure,
        )
        for one in found
    ]  # fmt: skip


def received(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """The files that balances of the month came in, with their digests (RECEIVED)."""
    require(by, "bank:read")
    first, after = month_of(run.month)
    query = select(BalanceFile).where(BalanceFile.day >= first, BalanceFile.day < after)
    return [
        (
            str(one.id), one.day, one.name, one.digest, one.is_signed, one.rows, one.control_total, one.state, one.failure,
            one.kept, one.issues, _id(one.created_by), one.created_at, one.taken_at,
        )
        for one in session.execute(query.order_by(BalanceFile.id)).scalars()
    ]  # fmt: skip


def issues(session: Session, run: QualificationRun, *, by: Actor) -> list[Row]:
    """How many records of each day had something wrong with them (ISSUES)."""
    require(by, "bank:read")
    first, after = month_of(run.month)
    keys = BalanceIssue.day, BalanceIssue.kind
    query = select(*keys, func.count()).where(BalanceIssue.day >= first, BalanceIssue.day < after)
    return [tuple(row) for row in session.execute(query.group_by(*keys).order_by(*keys)).all()]


def exempt(session: Session, run: QualificationRun, *, by: Actor) -> list[date]:
    """The days of the month that are none, by the calendar as it is."""
    require(by, "bank:read")
    return qualification.exempt_days(session, run.month, programmes.version_of(session, run, by=by))


def _id(one: UUID | None) -> str | None:
    return str(one) if one else None
