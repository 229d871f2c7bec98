"""Imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7

IMPORT_STATES = ("uploaded", "queued", "running", "completed", "failed", "cancelled")


class Import(Owned, Base):
    """One file on its way into contacts.

    `dialect` is {encoding, delimiter}, `columns` the header, `mapping` {column: field}, `options` the dedupe rule, consent and
    demonstration choice. `position` is the byte after the last row taken, `last_row` its number in the file (blank rows count, the
    header is one): a killed import goes on from there, because they move in the same transaction as the rows. `failed` rows were
    not taken, `warned` ones but for an address.
    """

    __tablename__ = "imports"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"state IN {IMPORT_STATES}", name="state"),
        Index("ix_imports_open", "organisation_id", "state", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: Mapped[Uuid7]
    file: Mapped[str]
    file_name: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    dialect: Mapped[dict[str, Any]]
    columns: Mapped[list[str]]
    mapping: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="uploaded")
    position: Mapped[int] = mapped_column(BigInteger, server_default="0")
    rows: Mapped[int] = mapped_column(Integer, server_default="0")
    created: Mapped[int] = mapped_column(Integer, server_default="0")
    updated: Mapped[int] = mapped_column(Integer, server_default="0")
    unchanged: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")
    warned: Mapped[int] = mapped_column(Integer, server_default="0")
    last_row: Mapped[int] = mapped_column(Integer, server_default="1")
    failure: Mapped[str | None]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportProblem(Owned, Base):
    """A bad row: its number, the column, the reason; the row itself is sealed under the organisation's key.

    A warning is about a row that was taken but for an address.
    """

    __tablename__ = "import_problems"

    organisation_id: Mapped[UUID]
    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True)
    column: Mapped[str]
    reason: Mapped[str]
    is_warning: Mapped[bool] = mapped_column(server_default=text("false"))
    sealed: Mapped[bytes]
