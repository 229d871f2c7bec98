"""Flows, the drafts and versions of their definitions, the people who walk through them, and what happened to each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned, Uuid7, owned_key

STATES = ("draft", "in_review", "approved", "active", "paused", "archived")
RUN_STATES = ("active", "finished", "left", "failed")


class Flow(Owned, Base):
    """A journey: `definition` is its draft, `revision` counts every change of it, `version_id` is what new people enter.

    `state` is of the whole (states.py); a flow that is active or paused may have a draft that is in review beside it, which
    `approval_id` is about.
    """

    __tablename__ = "flows"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        owned_key("approval_id", "approvals"),
        Index(
            "uq_flows_name",
            "organisation_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    description: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="draft")
    definition: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    last_step: Mapped[int] = mapped_column(Integer, server_default="0")  # ids of steps are never used twice
    version_id: Mapped[UUID | None]
    approval_id: Mapped[UUID | None]
    editors: Mapped[list[UUID]] = mapped_column(server_default="{}")
    paused_at: Mapped[datetime | None]
    resumed_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]  # up to when its dates and times of day have begun runs
    renewal_told_at: Mapped[datetime | None]  # when its yearly approval was last asked for (renewal.py)
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


class FlowRevision(Owned, Base):
    """The draft as it was after a change: what undo goes back to."""

    __tablename__ = "flow_revisions"
    __table_args__ = (owned_key("flow_id", "flows"),)

    flow_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    parent: Mapped[int | None] = mapped_column(Integer)  # the revision it was made from
    operation: Mapped[str]
    definition: Mapped[dict[str, Any]]
    made_by: Mapped[UUID]
    made_at: Mapped[Moment]


class FlowVersion(Owned, Base):
    """A definition that was approved, with everything it is pinned to. Nobody changes it; people finish in the one they entered."""

    __tablename__ = "flow_versions"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "flow_id", "number"),
        owned_key("flow_id", "flows"),
        owned_key("approval_id", "approvals"),
        {"info": APPEND_ONLY},
    )

    id: Mapped[Uuid7]
    flow_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    definition: Mapped[dict[str, Any]]
    pinned: Mapped[dict[str, Any]]
    approval_id: Mapped[UUID | None]
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]


class FlowRun(Owned, Base):
    """A person on the way through a version: at `step`, until `due_at`. One who ended has neither.

    Whoever is due and has a `port` leaves the step by it, because of `why`; for who has none the step is done. `visit_id` is of
    this arrival at this step: the occurrence of its message, the id of its call. `key` is what one may enter once for (a loan's
    number); empty is the person himself. `waits_for` names what ends a wait before it is due. A step that is done is written to
    the log in the transaction that moves on from it.
    """

    __tablename__ = "flow_runs"
    __table_args__ = (
        CheckConstraint(f"state IN {RUN_STATES}", name="state"),
        CheckConstraint("(state IN ('active', 'failed')) = (step IS NOT NULL)", name="place"),
        owned_key("flow_id", "flows"),
        owned_key("version_id", "flow_versions"),
        Index(
            "uq_flow_runs_active",
            "flow_id",
            "contact_id",
            "key",
            unique=True,
            postgresql_where=text("state IN ('active', 'failed')"),
        ),
        Index(
            "ix_flow_runs_due",
            "flow_id",
            "due_at",
            postgresql_where=text("state = 'active' AND waits_for IS DISTINCT FROM 'call'"),
        ),
        Index(
            "ix_flow_runs_calls",
            "flow_id",
            "due_at",
            postgresql_where=text("state = 'active' AND waits_for = 'call'"),
        ),
        Index(
            "ix_flow_runs_step", "version_id", "step", "due_at", postgresql_where=text("state IN ('active', 'failed')")
        ),
        Index(
            "ix_flow_runs_waiting",
            "contact_id",
            "waits_for",
            postgresql_where=text("state = 'active' AND waits_for IS NOT NULL"),
        ),
        Index(
            "ix_flow_runs_asked",
            "organisation_id",
            "version_id",
            "step",
            "id",
            postgresql_where=text("state = 'active' AND waits_for = 'review'"),
        ),
        Index(
            "ix_flow_runs_deadline",
            "organisation_id",
            "due_at",
            "id",
            postgresql_where=text("state = 'active' AND waits_for = 'review'"),
        ),
        Index("ix_flow_runs_flow", "flow_id", "state", "id"),
        Index("ix_flow_runs_contact", "contact_id", "flow_id"),
    )

    id: Mapped[Uuid7]
    flow_id: Mapped[UUID]
    version_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    key: Mapped[str] = mapped_column(server_default="")
    state: Mapped[str] = mapped_column(server_default="active")
    step: Mapped[str | None]
    visit_id: Mapped[UUID] = mapped_column(server_default=text("uuidv7()"))
    due_at: Mapped[datetime | None]
    port: Mapped[str | None]
    why: Mapped[dict[str, Any] | None]
    waits_for: Mapped[str | None]
    arrived_at: Mapped[Moment]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    failure: Mapped[str | None]
    is_control: Mapped[bool] = mapped_column(server_default=text("false"))
    converted_at: Mapped[datetime | None]
    trigger: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # what began it: kind, event, its properties
    entered_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class FlowLog(Owned, Base):
    """What happened to a run at a step, and why: nobody changes it. The month of `at` is its partition.

    `kind`: entered (where he begins), arrived (he rests there), called (another system is), passed (with the `port` he left by),
    failed, retried, moved (`port` out or in), converted, finished, left. Who came to a step is who passed what leads there: it
    balances (results.py).
    """

    __tablename__ = "flow_log"
    __table_args__ = (
        Index(None, "run_id", "id"),
        Index("ix_flow_log_numbers", "flow_id", "version_id", "step", "kind", "port"),
        Index("ix_flow_log_at", "at", postgresql_using="brin"),
        Index("ix_flow_log_failed", "organisation_id", "at", postgresql_where=text("kind = 'failed'")),
        {"postgresql_partition_by": "RANGE (at)", "info": APPEND_ONLY},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Moment] = mapped_column(primary_key=True)
    flow_id: Mapped[UUID]
    version_id: Mapped[UUID]
    run_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    step: Mapped[str | None]
    kind: Mapped[str]
    port: Mapped[str | None]
    visit_id: Mapped[UUID | None]
    why: Mapped[dict[str, Any] | None]


class FlowDestination(Owned, Base):
    """An address outside that flows may call: registered by one, approved by another, with the fields it is given."""

    __tablename__ = "flow_destinations"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "name"),
        owned_key("approval_id", "approvals"),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    url: Mapped[str]
    fields: Mapped[list[str]] = mapped_column(server_default="{}")
    secret: Mapped[bytes]  # sealed; signs what is sent
    approval_id: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


class FlowSend(Owned, Base):
    """The send that governs the messages of a sending step of a version; opened when the first person comes there."""

    __tablename__ = "flow_sends"
    __table_args__ = (owned_key("version_id", "flow_versions"), owned_key("send_id", "sends"))

    version_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(primary_key=True)
    send_id: Mapped[UUID]
