"""Programmes, and the runs that decide who qualified in a month."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Date, Index, Integer, SmallInteger, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned, Uuid7, owned_key
from app.domain.bank.models.balances import Amount

RULES = ("every", "at_least", "average")
CALENDARS = ("value", "carry", "exempt")
OPENINGS = ("missing", "never", "from")
OUTCOMES = ("qualified", "not_qualified", "indeterminate")
RUN_STATES = (
    "queued", "calculated", "failed", "superseded", "in_review", "approved", "released", "paused", "completed",
)  # fmt: skip


class Programme(Owned, Base):
    """A programme customers qualify for month by month; what it asks for stands in its versions."""

    __tablename__ = "programmes"
    __table_args__ = (UniqueConstraint("organisation_id", "id"), UniqueConstraint("organisation_id", "name"))

    id: Mapped[Uuid7]
    name: Mapped[str]
    number: Mapped[int] = mapped_column(Integer)  # of the version in force
    created_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


class ProgrammeVersion(Owned, Base):
    """What a programme asks for. It never changes; a run names the version it went by.

    `rule` is every day, `days` days at least, or the average of all days. `calendar` says what a day without a value is: nothing,
    the value of up to `carry_days` days before, or no day at all if the calendar exempts it. `opening` says what the days are
    before a customer came to the bank: days without a value like others, a reason not to qualify, or no days at all. `accounts` are
    the types of accounts that count; all of them where none is named.
    """

    __tablename__ = "programme_versions"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "programme_id", "number"),
        owned_key("programme_id", "programmes"),
        owned_key("template_id", "templates"),
        CheckConstraint(f"rule IN {RULES}", name="rule"),
        CheckConstraint(f"calendar IN {CALENDARS}", name="calendar"),
        CheckConstraint(f"opening IN {OPENINGS}", name="opening"),
        {"info": APPEND_ONLY},
    )

    id: Mapped[Uuid7]
    programme_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    threshold: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str]
    rule: Mapped[str]
    days: Mapped[int | None] = mapped_column(SmallInteger)
    calendar: Mapped[str]
    carry_days: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    opening: Mapped[str] = mapped_column(server_default="missing")
    accounts: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    template_id: Mapped[UUID | None]  # what those who qualified are told; nobody is, without
    budget: Mapped[Decimal | None] = mapped_column(
        Amount
    )  # for the messages of a month, in the organisation's currency
    most_attempts: Mapped[int] = mapped_column(SmallInteger, server_default="3")  # of telling somebody, in all
    retry_hours: Mapped[int] = mapped_column(SmallInteger, server_default="6")  # between them
    recipients: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), server_default="{}"
    )  # colleagues who get the month's report
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]


class QualificationRun(Owned, Base):
    """One calculation of a month by a version of a programme; made again it is a version more, and the one before superseded.

    `input_hash` is over everything that was looked at: the same input gives the same hash. In format 1 it is over all balances at
    once, in 2 over a digest of each customer.
    """

    __tablename__ = "qualification_runs"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "programme_id", "month", "version"),
        owned_key("programme_id", "programmes"),
        owned_key("programme_version_id", "programme_versions"),
        owned_key("approval_id", "approvals"),
        CheckConstraint(f"state IN {RUN_STATES}", name="state"),
        Index(None, "organisation_id", "id", postgresql_where=text("state = 'queued'")),
        Index(
            "ix_qualification_runs_released",
            "organisation_id",
            "id",
            postgresql_where=text("state IN ('released', 'paused')"),
        ),
    )

    id: Mapped[Uuid7]
    programme_id: Mapped[UUID]
    programme_version_id: Mapped[UUID]
    month: Mapped[date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(server_default="queued")
    totals: Mapped[dict[str, Any] | None]
    gates: Mapped[list[Any] | None]
    input_hash: Mapped[str | None]
    input_format: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    failure: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    calculated_at: Mapped[datetime | None]
    approval_id: Mapped[UUID | None]
    planned_for: Mapped[datetime | None]  # the moment of its release, where one was chosen
    planned_by: Mapped[UUID | None]
    plan_failure: Mapped[str | None]  # why it was not released then
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]
    occurrence_id: Mapped[UUID | None]  # of the messages of its release
    made_at: Mapped[datetime | None]  # when the last of them was
    told: Mapped[dict[str, Any] | None]  # how many its release made a message for, by state or reason


class Outcome(Owned, Base):
    """What became of one customer in a run, and why."""

    __tablename__ = "qualification_outcomes"
    __table_args__ = (
        owned_key("run_id", "qualification_runs"),
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
        Index(None, "run_id", "outcome", "contact_id"),
    )

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    outcome: Mapped[str]
    days_passed: Mapped[int] = mapped_column(SmallInteger)
    days_required: Mapped[int] = mapped_column(SmallInteger)
    missing: Mapped[list[date]] = mapped_column(ARRAY(Date))  # the days without a value, as it was when calculated
    first_below: Mapped[date | None] = mapped_column(Date)
    below_amount: Mapped[Decimal | None] = mapped_column(Amount)
    lowest: Mapped[Decimal | None] = mapped_column(Amount)
    average: Mapped[Decimal | None] = mapped_column(Amount)
    opened_on: Mapped[date | None] = mapped_column(Date)  # where the month was judged by it
    accounts: Mapped[list[Any] | None]  # of whoever has several: those of the month, as they were looked at


class Override(Owned, Base):
    """A person's word against an outcome, with its reason and perhaps a file that shows why. One stands per customer of a run.

    `evidence` is the name of the kept file (core/files.py), `evidence_name` what it was called.
    """

    __tablename__ = "qualification_overrides"
    __table_args__ = (
        owned_key("run_id", "qualification_runs"),
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
        CheckConstraint(f"before IN {OUTCOMES}", name="before"),
        Index(
            "uq_qualification_overrides_standing", "run_id", "contact_id", unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Uuid7]
    run_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    before: Mapped[str]
    outcome: Mapped[str]
    reason: Mapped[str]
    evidence: Mapped[str | None]
    evidence_name: Mapped[str | None]
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]
    withdrawn_by: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]


class Sampled(Owned, Base):
    """One of a run's customers that were drawn to be checked by hand, and who found what."""

    __tablename__ = "qualification_samples"
    __table_args__ = (owned_key("run_id", "qualification_runs"),)

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(SmallInteger)
    is_right: Mapped[bool | None]
    checked_by: Mapped[UUID | None]
    checked_at: Mapped[datetime | None]


class Notice(Owned, Base):
    """That a customer's month was told, or could not be: once for a programme and month, however often runs are released."""

    __tablename__ = "qualification_notices"
    __table_args__ = (
        owned_key("programme_id", "programmes"),
        owned_key("run_id", "qualification_runs"),
        Index(None, "run_id"),
        {"info": APPEND_ONLY},
    )

    programme_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID]
    noted_at: Mapped[Moment]
