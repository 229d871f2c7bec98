"""A person's word against a calculated outcome: with a reason, perhaps a file that shows why, and a second person who approves."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, rows, text
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, NotFound, mark
from app.core.files import Files
from app.core.unit import settings_of
from app.domain.audit import trail
from app.domain.bank import states
from app.domain.bank.models import Outcome, Override, QualificationRun
from app.domain.bank.qualification import MISSING, SUBJECT

LARGEST = 5 * 1024 * 1024  # bytes of a file that shows why
KINDS = {"pdf": b"%PDF-", "png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff"}


class OverrideInput(BaseModel):
    """What a customer's outcome is, in the word of a person, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    outcome: Literal["qualified", "not_qualified", "indeterminate"]
    reason: str = Field(min_length=20, max_length=2000)


def override(
    session: Session,
    run_id: UUID,
    contact_id: UUID,
    new: OverrideInput,
    *,
    evidence: tuple[str, bytes] | None = None,
    by: Actor,
) -> Override:
    """Put another outcome in the place of the calculated one; one that stood before is withdrawn, and stays in the record.

    `evidence` is a file's name and bytes (PDF, PNG or JPEG).

    Raises NotFound, Conflict (the run is not open to it), Invalid, Forbidden.
    """
    run = _open_run(session, run_id, by)
    outcome = session.get(Outcome, (run_id, contact_id))
    if outcome is None:
        raise NotFound(mark("There is no such customer in this run."))
    old = _standing(session, run_id, contact_id)
    if new.outcome == outcome.outcome:
        raise Invalid.field(
            "outcome", mark("This is what was calculated. Choose another outcome, or take the override back.")
        )
    kept = _keep(session, evidence, by) if evidence else (None, None)
    if old:
        _withdraw(session, old, by)
    made = Override(
        organisation_id=by.organisation_id, run_id=run_id, contact_id=contact_id, before=outcome.outcome, outcome=new.outcome,
        reason=new.reason, evidence=kept[0], evidence_name=kept[1], created_by=by.id, created_at=clock.now(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    after = {"contact": contact_id, "outcome": new.outcome, "reason": new.reason, "evidence": kept[0]}
    trail.record(session, by, "run.overridden", (SUBJECT, run.id), before={"outcome": outcome.outcome}, after=after)
    return made


def withdraw(session: Session, run_id: UUID, contact_id: UUID, *, by: Actor) -> None:
    """Let the calculated outcome stand again. Raises NotFound, Conflict, Forbidden."""
    run = _open_run(session, run_id, by)
    old = _standing(session, run_id, contact_id)
    if old is None:
        raise NotFound(mark("Nobody has overridden this outcome."))
    _withdraw(session, old, by)
    trail.record(
        session,
        by,
        "run.override_withdrawn",
        (SUBJECT, run.id),
        before={"outcome": old.outcome},
        after={"contact": contact_id},
    )


def of_run(session: Session, run_id: UUID) -> list[Override]:
    """The overrides that stand, the oldest first."""
    query = select(Override).where(Override.run_id == run_id, Override.withdrawn_at.is_(None)).order_by(Override.id)
    return list(session.execute(query).scalars())


def hands(session: Session, run_id: UUID) -> set[UUID]:
    """Whoever put a word against an outcome of a run, or took one back."""
    query = select(Override.created_by, Override.withdrawn_by).where(Override.run_id == run_id)
    return {one for row in session.execute(query) for one in row if one}


def evidence(session: Session, override_id: UUID, *, by: Actor) -> tuple[str, bytes]:
    """The file that shows why, with its name. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    missing = mark("There is no such file.")
    found = rows.one(session, Override, override_id, missing)
    if found.evidence is None:
        raise NotFound(missing)
    chunks = Files(settings_of(session), by.organisation_id).chunks(found.evidence)
    return found.evidence_name or found.evidence, b"".join(chunks)


def _open_run(session: Session, run_id: UUID, by: Actor) -> QualificationRun:
    require(by, states.NEEDS["check"])
    run = rows.one_for_update(session, QualificationRun, run_id, MISSING)
    states.after(run.state, "check")
    if by.id is None:
        raise Conflict(mark("Only a person can put his word against an outcome."))
    return run


def _standing(session: Session, run_id: UUID, contact_id: UUID) -> Override | None:
    query = select(Override).where(
        Override.run_id == run_id, Override.contact_id == contact_id, Override.withdrawn_at.is_(None)
    )
    return session.execute(query).scalar_one_or_none()


def _withdraw(session: Session, old: Override, by: Actor) -> None:
    old.withdrawn_by, old.withdrawn_at = by.id, clock.now()
    session.flush()


def _keep(session: Session, evidence: tuple[str, bytes], by: Actor) -> tuple[str, str]:
    name, said = evidence
    if len(said) > LARGEST:
        raise Invalid.field("evidence", mark("The file is larger than 5 MB."))
    if not said.startswith(KINDS.get(name.rpartition(".")[2].lower(), b"\0never")):
        raise Invalid.field("evidence", mark("Choose a PDF, PNG or JPEG file."))
    return Files(settings_of(session), by.organisation_id).write(said), " ".join(text.clean(name).split())[-200:]
