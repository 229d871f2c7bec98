"""Programmes, the balances of every day, and runs that decide who qualified in a month."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Date, Index, Integer, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned, Uuid7, owned_key

RULES = ("every", "at_least", "average")
CALENDARS = ("value", "carry", "exempt")
DAY_STATES = ("queued", "running", "taken", "failed")
ISSUES = ("missing", "bad_format", "duplicate", "conflict", "unknown_customer", "wrong_currency", "wrong_day")
OUTCOMES = ("qualified", "not_qualified", "indeterminate")
RUN_STATES = (
    "queued", "calculated", "failed", "superseded", "in_review", "approved", "released", "paused", "completed",
)  # fmt: skip

Amount = Numeric(18, 2)


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
    the value of up to `carry_days` days before, or no day at all if the calendar exempts it.
    """

    __tablename__ = "programme_versions"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "programme_id", "number"),
        owned_key("programme_id", "programmes"),
        owned_key("template_id", "templates"),
        CheckConstraint(f"rule IN {RULES}", name="rule"),
        CheckConstraint(f"calendar IN {CALENDARS}", name="calendar"),
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
    template_id: Mapped[UUID | None]  # what those who qualified are told; nobody is, without
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]


class BalanceDay(Owned, Base):
    """One day of balances on its way from the core bank: `after` is the customer it stands at, kept with every batch."""

    __tablename__ = "balance_days"
    __table_args__ = (
        CheckConstraint(f"state IN {DAY_STATES}", name="state"),
        Index(None, "organisation_id", "due_at", postgresql_where=text("state IN ('queued', 'running')")),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    state: Mapped[str] = mapped_column(server_default="queued")
    after: Mapped[str] = mapped_column(server_default="")
    records: Mapped[int] = mapped_column(Integer, server_default="0")
    kept: Mapped[int] = mapped_column(Integer, server_default="0")
    issues: Mapped[int] = mapped_column(Integer, server_default="0")
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[Moment]
    lease_until: Mapped[datetime | None]
    failure: Mapped[str | None]
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[Moment]
    taken_at: Mapped[datetime | None]


class BalanceCheck(Owned, Base):
    """That somebody asked for the balances of some days; how far it is, the days say."""

    __tablename__ = "balance_checks"

    id: Mapped[Uuid7]
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]


class Balance(Owned, Base):
    """What a customer had at the close of a bank day. A correction is a version more; only the newest is current."""

    __tablename__ = "balances"
    __table_args__ = (
        Index(None, "contact_id", "day", unique=True, postgresql_where=text("is_current")),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str]
    record: Mapped[str]
    source: Mapped[str]
    taken_at: Mapped[Moment]
    is_current: Mapped[bool]


class BalanceIssue(Owned, Base):
    """Something wrong with a record of a day, or that there is none: kept, counted, and shown at the customer.

    `sealed` is what was said, under the organisation's key.
    """

    __tablename__ = "balance_issues"
    __table_args__ = (
        CheckConstraint(f"kind IN {ISSUES}", name="kind"),
        Index(None, "organisation_id", "contact_id", "day"),
    )

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    record: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID | None]
    external_id: Mapped[str]
    sealed: Mapped[bytes | None]
    found_at: Mapped[Moment]


class QualificationRun(Owned, Base):
    """One calculation of a month by a version of a programme; made again it is a version more, and the one before superseded.

    `input_hash` is over everything that was looked at: the same input gives the same hash.
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
        Index("ix_qualification_runs_approved", "organisation_id", "id", postgresql_where=text("state = 'approved'")),
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
    failure: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    calculated_at: Mapped[datetime | None]
    approval_id: Mapped[UUID | None]
    released_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]
    occurrence_id: Mapped[UUID | None]  # of the messages of its release
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
