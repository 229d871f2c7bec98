"""Programmes: what a customer has to keep to qualify. Every change takes two people, and makes a version."""

from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.domain.access import users
from app.domain.access.models import User
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.bank.amounts import TYPE
from app.domain.bank.models import Programme, ProgrammeVersion, QualificationRun
from app.domain.content.models import Template
from app.domain.messages import retries

SUBJECT = "programme"
WRITE = "bank:write"
DECIDES = "bank:approve"
READS = ("reports:read", "bank:read")  # whoever may have the report of a month
MISSING = mark("There is no such programme.")


class Rule(BaseModel):
    """What a month is judged by (models.ProgrammeVersion)."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    threshold: Decimal = Field(default=Decimal("15000.00"), ge=0, max_digits=18, decimal_places=2)
    currency: str = Field(default="ILS", pattern="^[A-Z]{3}$")
    rule: Literal["every", "at_least", "average"] = "every"
    days: int | None = Field(default=None, ge=1, le=31)
    calendar: Literal["value", "carry", "exempt"] = "value"
    carry_days: int = Field(default=0, ge=0, le=4)
    opening: Literal["missing", "never", "from"] = "missing"
    accounts: tuple[Annotated[str, Field(pattern=TYPE)], ...] = Field(default=(), max_length=20)
    template_id: UUID | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.rule == "at_least") != (self.days is not None):
            raise ValueError("days")
        if (self.calendar == "carry") != (self.carry_days > 0):
            raise ValueError("carry_days")
        return self

    @field_validator("accounts")
    @classmethod
    def _in_order(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(given)))


class ProgrammeInput(Rule):
    """What a programme asks for, what it is called, how often somebody is told in vain, and who gets the report of a month.

    The budget is for the messages of a month, in the currency they are paid in: the organisation's.
    """

    name: str = Field(min_length=1, max_length=120)
    budget: Decimal | None = Field(default=None, gt=0, max_digits=18, decimal_places=2)
    most_attempts: int = Field(default=retries.MOST, ge=1, le=retries.MOST)
    retry_hours: int = Field(default=retries.HOURS, ge=1, le=retries.LONGEST)
    recipients: tuple[UUID, ...] = Field(default=(), max_length=20)


def propose(session: Session, new: ProgrammeInput, programme_id: UUID | None = None, *, by: Actor) -> Approval:
    """Ask a second person for a programme, or for another version of one.

    Raises:
        NotFound, Invalid (the name is taken, the text is no SMS, somebody may not read reports), Conflict (nothing is different),
        Forbidden.
    """
    require(by, WRITE)
    _check_name(session, new.name, programme_id)
    _check_text(session, new.template_id)
    _check_recipients(session, new.recipients)
    if programme_id is None:
        made: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
        change = Change((SUBJECT, made), new.name, "programme.create", DECIDES, values=_plain(new), after=_plain(new))
        return changes.propose(session, change, by=by)
    programme = get(session, programme_id, by=by)
    before, after = _plain(as_input(session, programme, by=by)), _plain(new)
    names = {name for name in after if after[name] != before[name]}
    if not names:
        raise Conflict(mark("Nothing would be different."))
    change = Change(
        (SUBJECT, programme.id), programme.name, "programme.change", DECIDES,
        values=after, before={name: before[name] for name in names}, after={name: after[name] for name in names},
        state={"number": programme.number},
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Programme:
    """Decide for a programme or its next version.

    Raises:
        NotFound, Conflict (decided, expired, or it is another meanwhile), Invalid, Forbidden, FactorNeeded.
    """
    approval = decisions.get(session, approval_id)
    is_new = approval.summary["act"] == "programme.create"
    programme = None if is_new else one_for_update(session, approval.subject_id)
    state = {"number": programme.number} if programme else {}
    new = ProgrammeInput(**changes.approve(session, approval, state=state, note=note, by=by))
    _check_name(session, new.name, approval.subject_id)
    _check_text(session, new.template_id)
    _check_recipients(session, new.recipients)
    if programme is None:
        programme = Programme(
            id=approval.subject_id, organisation_id=by.organisation_id, name=new.name, number=0, created_at=clock.now()
        )
        session.add(programme)
    programme.name, programme.number = new.name, programme.number + 1
    session.flush()
    session.add(_version(programme, new, approval.made_by))
    act = "programme.created" if is_new else "programme.changed"
    trail.record(session, by, act, (SUBJECT, programme.id), after=_plain(new) | {"version": programme.number})
    session.flush()
    return programme


def create(session: Session, new: ProgrammeInput, *, by: Actor) -> Programme:
    """Make a programme without a second person: the demonstration and tests, as the system. Raises Forbidden."""
    require(by, WRITE)
    if not by.is_system:
        raise Conflict(mark("A programme takes two people."))
    programme = Programme(organisation_id=by.organisation_id, name=new.name, number=1, created_at=clock.now())
    session.add(programme)
    session.flush()
    session.add(_version(programme, new, None))
    trail.record(session, by, "programme.created", (SUBJECT, programme.id), after=_plain(new) | {"version": 1})
    session.flush()
    return programme


def get(session: Session, programme_id: UUID, *, by: Actor) -> Programme:
    """One programme. Raises NotFound, Forbidden."""
    require(by, "bank:read")
    return rows.one(session, Programme, programme_id, MISSING)


def one_for_update(session: Session, programme_id: UUID) -> Programme:
    """One programme as it is now, locked. Raises NotFound."""
    return rows.one_for_update(session, Programme, programme_id, MISSING)


def listed(session: Session, *, by: Actor) -> list[Programme]:
    """All of them, the oldest first."""
    require(by, "bank:read")
    return list(
        session.execute(select(Programme).where(Programme.archived_at.is_(None)).order_by(Programme.id)).scalars()
    )


def texts(session: Session, *, by: Actor) -> list[Template]:
    """The SMS texts a programme may have, by name."""
    require(by, "bank:read")
    query = select(Template).where(Template.channel == "sms", Template.archived_at.is_(None)).order_by(Template.name)
    return list(session.execute(query).scalars())


def readers(session: Session, *, by: Actor) -> list[User]:
    """The colleagues who may get the report of a month, by name."""
    require(by, "bank:read")
    return _readers(session)


def recipients(session: Session, version: ProgrammeVersion, *, by: Actor) -> list[User]:
    """Who gets the report of a month by this version; whoever may not read it any more does not."""
    require(by, "bank:read")
    return [user for user in _readers(session) if user.id in version.recipients]


def _readers(session: Session) -> list[User]:
    first, *more = READS
    also = [{user.id for user in users.with_permission(session, one)} for one in more]
    return [user for user in users.with_permission(session, first) if all(user.id in ids for ids in also)]


def current(session: Session, programme: Programme) -> ProgrammeVersion:
    """The version in force."""
    query = select(ProgrammeVersion).where(
        ProgrammeVersion.programme_id == programme.id, ProgrammeVersion.number == programme.number
    )
    return session.execute(query).scalar_one()


def of_run(session: Session, run: QualificationRun) -> Programme:
    """The programme of a run."""
    return session.get_one(Programme, run.programme_id)


def version_of(session: Session, run: QualificationRun, *, by: Actor) -> ProgrammeVersion:
    """The version a run went by."""
    require(by, "bank:read")
    return session.get_one(ProgrammeVersion, run.programme_version_id)


def as_input(session: Session, programme: Programme, *, by: Actor) -> ProgrammeInput:
    """A programme as its own input, for forms and PATCH."""
    require(by, "bank:read")
    version = current(session, programme)
    return ProgrammeInput(
        budget=version.budget,
        name=programme.name, threshold=version.threshold, currency=version.currency, rule=version.rule, days=version.days,
        calendar=version.calendar, carry_days=version.carry_days, opening=version.opening, accounts=tuple(version.accounts),
        template_id=version.template_id, most_attempts=version.most_attempts, retry_hours=version.retry_hours,
        recipients=tuple(version.recipients),
    )  # fmt: skip


def _version(programme: Programme, new: ProgrammeInput, author: UUID | None) -> ProgrammeVersion:
    values = new.model_dump(exclude={"name"})
    return ProgrammeVersion(
        organisation_id=programme.organisation_id, programme_id=programme.id, number=programme.number,
        created_by=author, created_at=clock.now(), **values,
    )  # fmt: skip


def _check_name(session: Session, name: str, own: UUID | None) -> None:
    taken = select(Programme.id).where(Programme.name == name, Programme.id != own)
    if session.execute(taken).first():
        raise Invalid.field("name", mark("There is a programme of this name already."))


def _check_text(session: Session, template_id: UUID | None) -> None:
    """Those who qualify are told by SMS."""
    if template_id is None:
        return
    template = session.get(Template, template_id)
    if template is None or template.archived_at is not None or template.channel != "sms":
        raise Invalid.field("template_id", mark("Choose an SMS template."))


def _check_recipients(session: Session, recipients: tuple[UUID, ...]) -> None:
    if set(recipients) - {user.id for user in _readers(session)}:
        raise Invalid.field("recipients", mark("Choose colleagues who may read the reports of the bank's month."))


def _plain(new: ProgrammeInput) -> dict[str, object]:
    return new.model_dump(mode="json")
