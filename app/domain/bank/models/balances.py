"""The balances of every day: how they came, what they are, what was wrong."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index, Integer, Numeric, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7

FILE_STATES = ("waiting", "queued", "taken", "refused")
DAY_STATES = ("queued", "running", "taken", "failed")
ISSUES = ("missing", "bad_format", "duplicate", "conflict", "unknown_customer", "wrong_currency", "wrong_day")

Amount = Numeric(18, 2)


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


class BalanceFile(Owned, Base):
    """A file of one day's balances, by the signed channel or handed in by a person, with what it is said to hold.

    The bytes are kept by their digest (core/files.py); the same file for the same day is one row.
    """

    __tablename__ = "balance_files"
    __table_args__ = (
        CheckConstraint(f"state IN {FILE_STATES}", name="state"),
        Index(
            "uq_balance_files_digest", "organisation_id", "day", "digest", unique=True,
            postgresql_where=text("state <> 'refused'"),
        ),
        Index("ix_balance_files_queued", "organisation_id", "id", postgresql_where=text("state = 'queued'")),
    )  # fmt: skip

    id: Mapped[Uuid7]
    day: Mapped[date] = mapped_column(Date)
    name: Mapped[str]
    digest: Mapped[str]
    is_signed: Mapped[bool]
    rows: Mapped[int] = mapped_column(Integer)  # as it was said to hold
    control_total: Mapped[Decimal] = mapped_column(Numeric(24, 2))
    state: Mapped[str]
    failure: Mapped[str | None]
    kept: Mapped[int] = mapped_column(Integer, server_default="0")
    issues: Mapped[int] = mapped_column(Integer, server_default="0")
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
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
    """What an account held at the close of a bank day. A correction is a version more; only the newest is current.

    An `account` without a name is all that a customer has.
    """

    __tablename__ = "balances"
    __table_args__ = (
        Index(None, "contact_id", "day", "account", unique=True, postgresql_where=text("is_current")),
        {"postgresql_partition_by": "RANGE (day)"},
    )

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True, server_default="")
    account_type: Mapped[str] = mapped_column(server_default="current")
    amount: Mapped[Decimal] = mapped_column(Amount)
    currency: Mapped[str]
    record: Mapped[str]
    source: Mapped[str]
    taken_at: Mapped[Moment]
    is_current: Mapped[bool]


class BalanceMark(Owned, Base):
    """When the last value of a day came in: whether a month stands as it was calculated is seen without reading its balances."""

    __tablename__ = "balance_marks"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    changed_at: Mapped[Moment]


class Opening(Owned, Base):
    """The day a customer came to the bank, as the core bank told it last."""

    __tablename__ = "openings"

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    opened_on: Mapped[date] = mapped_column(Date)
    told_at: Mapped[Moment]


class BankAccount(Owned, Base):
    """An account of a customer, as it was told last; only those with a name are kept here.

    It is of its type and currency from the day `since`. `first_day` is the first one a balance was told of.
    """

    __tablename__ = "bank_accounts"

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    account_type: Mapped[str]
    currency: Mapped[str]
    since: Mapped[date] = mapped_column(Date)
    first_day: Mapped[date] = mapped_column(Date)
    opened_on: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)  # its last day


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
