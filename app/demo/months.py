"""The months of the demonstration bank: one that was told and reported, one that waits for its review.

Their balances are asked for when the bank is loaded; the workers take them as they take any, while people look around already. What
follows then is decided by what is there, whenever the sweeper comes by. A month in which somebody else had a hand is left to him.
"""

import logging
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import DomainError
from app.core.unit import savepoint
from app.demo.bank import ZONE, Bank, actor_of
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.bank import balances, programmes, qualification, release, review, sample
from app.domain.bank.balances import month_of
from app.domain.bank.models import BalanceCheck, QualificationRun
from app.domain.bank.review import SubmitInput

log = logging.getLogger(__name__)
READ = timedelta(seconds=90)  # that the approver takes
WHY = "The core bank was asked about these days: the balances are as it has them."
_over: set[UUID] = set()  # banks with nothing more to do, as far as this process knows


def ask(bank: Bank) -> None:
    """Ask for the balances of the two months that are over."""
    last = bank.now.astimezone(ZONE).date().replace(day=1) - timedelta(days=1)
    before = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    with bank.open_unit() as session:
        balances.ask(session, before, last, by=system(bank.organisation_id))


def go_on(session: Session) -> None:
    """Do what comes next in these months, if anything; not for a bank that asked for none."""
    organisation = organisation_of(session)
    if not organisation.is_demo or organisation.id in _over:
        return
    asked = select(BalanceCheck).where(BalanceCheck.created_by.is_(None)).order_by(BalanceCheck.id).limit(1)
    check = session.execute(asked).scalar_one_or_none()
    try:
        with savepoint(session):
            is_over = check is None or _step(session, check)
    except DomainError:
        log.info("a month of the demonstration is left as it is", exc_info=True)
        is_over = True
    if is_over:
        _over.add(organisation.id)


def _step(session: Session, check: BalanceCheck) -> bool:
    """One step of each month; True once there is none."""
    officer = actor_of(session, "bank_officer")
    told = _is_taken(session, check.first, by=officer) and _tell(
        session, _run(session, check.first, by=officer), officer
    )
    waits = _is_taken(session, check.last, by=officer)
    if waits:
        _run(session, check.last.replace(day=1), by=officer)
    return told and waits


def _is_taken(session: Session, day: date, *, by: Actor) -> bool:
    first, after = month_of(day)
    days = balances.listed(session, first, after - timedelta(days=1), by=by)
    return len(days) == (after - first).days and all(row.state in ("taken", "failed") for row in days)


def _run(session: Session, month: date, *, by: Actor) -> QualificationRun | None:
    """The run of a month, asked for now where there is none; None where it is somebody else's."""
    programme = programmes.listed(session, by=by)[0]
    query = select(QualificationRun).where(
        QualificationRun.programme_id == programme.id, QualificationRun.month == month
    )
    found = session.execute(query).scalars().all()
    if not found:
        return qualification.start(session, programme.id, month, by=by)
    return found[0] if len(found) == 1 and found[0].created_by == by.id else None


def _tell(session: Session, run: QualificationRun | None, officer: Actor) -> bool:
    """The next step of a month that is to be told: submitted, after a while approved and released; True after it."""
    if run is None or run.state == "queued":
        return run is None
    requests = decisions.of_subject(session, (qualification.SUBJECT, run.id))
    if run.state == "calculated" and not requests:
        for one in sample.of_run(session, run.id, by=officer):
            sample.check(session, run.id, one.drawn.contact_id, is_right=True, by=officer)
        blocking = [gate["code"] for gate in run.gates or [] if gate["verdict"] == "block"]
        review.submit(session, run.id, SubmitInput(waived=dict.fromkeys(blocking, WHY)), by=officer)
        return False
    if run.state != "in_review" or len(requests) > 1:
        return True
    if requests[0].made_at < clock.now() - READ:
        approver = actor_of(session, "admin")
        review.approve(session, run.id, note="Read, with the sample.", by=approver)
        release.release(session, run.id, by=approver)
    return False
