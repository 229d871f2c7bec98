"""A day of balances as a file: over the signed channel it is taken at once, from a person's hand a second person lets it in.

A file is believed only whole: it says how many records it holds and what their amounts add up to, and both have to be so.
"""

import hmac
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require, system
from app.core.errors import Conflict, Invalid, mark
from app.core.files import Files
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.unit import enqueue_after_commit, settings_of
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.bank import balances
from app.domain.bank.amounts import is_amount
from app.domain.bank.models import BalanceFile
from app.gateways.corebank.base import Broken, Record
from app.gateways.corebank.dropped_file import records

SUBJECT = "balance_file"
NEEDS = "bank:approve"
LOAD_FILE = Job("bank", "jobs.bank.load_file", 1800)
LARGEST = 64 * 1024 * 1024  # bytes
MISSING = mark("There is no such file.")


class FileInput(BaseModel):
    """The day of a file, how many records it holds, and the sum of their amounts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: date
    rows: int = Field(ge=1, le=2_000_000)
    control_total: Decimal = Field(max_digits=24, decimal_places=2)


def signature(secret: str, said: FileInput, content: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over day, rows, control total and the SHA-256 of the bytes, each in a line."""
    lines = (said.day.isoformat(), str(said.rows), f"{said.control_total:.2f}", sha256(content).hexdigest())
    return hmac.new(secret.encode(), "\n".join(lines).encode(), sha256).hexdigest()


def receive(session: Session, said: FileInput, name: str, content: bytes, signed: str, *, by: Actor) -> BalanceFile:
    """Take a file of the signed channel; one that is known already is not taken again.

    Raises Invalid (the signature, the day), Forbidden.
    """
    require(by, "bank:write")
    secret = settings_of(session).core_bank_secret
    if not secret or not hmac.compare_digest(signature(secret, said, content), signed.lower()):
        raise Invalid.field("signature", mark("The signature is not that of this file and what is said of it."))
    row, is_new = _keep(session, said, name, content, is_signed=True, by=by)
    if is_new or row.state == "waiting":
        row.is_signed = True
        _queue(session, row)
        trail.record(session, by, "balance_file.received", (SUBJECT, row.id), after=_described(row))
    return row


def hand_in(session: Session, said: FileInput, name: str, content: bytes, *, by: Actor) -> Approval:
    """Ask a second person to let a file in. Raises Invalid (the day), Conflict (it was taken already), Forbidden."""
    require(by, "bank:write")
    row, _is_new = _keep(session, said, name, content, is_signed=False, by=by)
    if row.state != "waiting":
        raise Conflict(mark("This file has been taken already."))
    change = Change((SUBJECT, row.id), f"{row.name} ({row.day})", "balances.file", NEEDS, after=_described(row))
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> BalanceFile:
    """Decide that a file is let in. Raises NotFound, Conflict (decided, or taken), Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    row = rows.one_for_update(session, BalanceFile, approval.subject_id, MISSING)
    if row.state != "waiting":
        raise Conflict(mark("This file has been taken already."))
    changes.approve(session, approval, state={}, note=note, by=by)
    _queue(session, row)
    return row


def listed(session: Session, ask: Ask, *, by: Actor) -> Page[BalanceFile]:
    """A page of files, the newest first."""
    require(by, "bank:read")
    return fetch(session, select(BalanceFile), [BalanceFile.__table__.c.id], ask, descending=True)


def get(session: Session, file_id: UUID, *, by: Actor) -> BalanceFile:
    """One file. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return rows.one(session, BalanceFile, file_id, MISSING)


def waiting(session: Session) -> list[UUID]:
    """Files that may be taken and are not."""
    return list(session.execute(select(BalanceFile.id).where(BalanceFile.state == "queued")).scalars())


def load(session: Session, file_id: UUID) -> None:
    """Take a file, whole or not at all; why it was refused is kept with it."""
    row = session.get(BalanceFile, file_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "queued":
        return
    content = b"".join(Files(settings_of(session), row.organisation_id).chunks(row.digest))
    try:
        found = list(records(content))
        _prove(row, found)
    except Broken as broke:
        row.state, row.failure = "refused", str(broke)
    else:
        for begin in range(0, len(found), balances.BATCH):
            some = found[begin : begin + balances.BATCH]
            kept, issues = balances.keep(session, row.day, some, source=f"file:{row.id}")
            row.kept, row.issues = row.kept + kept, row.issues + issues
        balances.note_file(session, row.day, len(found), row.kept, row.issues)
        row.state, row.taken_at = "taken", clock.now()
    by, after = system(row.organisation_id), {"failure": row.failure, "kept": row.kept, "issues": row.issues}
    trail.record(session, by, f"balance_file.{row.state}", (SUBJECT, row.id), after=after)


def _prove(row: BalanceFile, found: Sequence[Record]) -> None:
    """Raise Broken for a file that is not what was said of it; amounts that are no numbers count as nothing."""
    if len(found) != row.rows:
        raise Broken(f"{len(found)} records, said to be {row.rows}")
    total = sum((Decimal(one.amount) for one in found if is_amount(one.amount)), Decimal(0))
    if total != row.control_total:
        raise Broken(f"the amounts add up to {total:.2f}, said to be {row.control_total:.2f}")


def _keep(
    session: Session, said: FileInput, name: str, content: bytes, *, is_signed: bool, by: Actor
) -> tuple[BalanceFile, bool]:
    balances.check_day(session, said.day)
    if len(content) > LARGEST:
        raise Invalid.field("file", mark("The file is larger than 64 MB."))
    digest = Files(settings_of(session), by.organisation_id).write(content)
    known = select(BalanceFile).where(
        BalanceFile.day == said.day, BalanceFile.digest == digest, BalanceFile.state != "refused"
    )
    if row := session.execute(known.with_for_update()).scalar_one_or_none():
        return row, False
    row = BalanceFile(
        organisation_id=by.organisation_id, name=name[-200:] or "balances", digest=digest, is_signed=is_signed, state="waiting",
        created_by=by.id, created_at=clock.now(), **said.model_dump(),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row, True


def _queue(session: Session, row: BalanceFile) -> None:
    row.state = "queued"
    enqueue_after_commit(session, LOAD_FILE, row.organisation_id, row.id)


def _described(row: BalanceFile) -> dict[str, object]:
    said = {"day": row.day.isoformat(), "name": row.name, "rows": row.rows}
    said = {"day": row.day.isoformat(), "name": row.name, "rows": row.rows}
    return {**said, "control_total": f"{row.control_total:.2f}", "digest": row.digest}
