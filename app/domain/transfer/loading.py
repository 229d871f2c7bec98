"""Carry out an import: block by block, each in one transaction with its place in the file, so that it can die at any moment.

Two blocks are written at a time, each over a connection of its own, and kept in the order of the file; meanwhile a thread
reads, checks and seals the next one and lays it ready in a temporary table of a third connection.
"""

import gc
import json
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.errors import mark
from app.core.files import Damaged, Files
from app.core.sql import load
from app.core.unit import settings_of
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.audit import trail
from app.domain.contacts import properties, unread
from app.domain.contacts.profile import ContactsChanged
from app.domain.outbox.publish import publish
from app.domain.transfer import badrows, demonstration
from app.domain.transfer.blocks import Ambiguous, Block, Found, Known, Maker, Staged
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import
from app.domain.transfer.reading import Records
from app.domain.transfer.rows import Place, RowMapper, Typed

log = logging.getLogger(__name__)
OpenUnit = Callable[[], AbstractContextManager[Session]]

BLOCK = 10_000
LANES = 2  # blocks written at a time
LOCK_SECONDS = 5
_IN_THE_WAY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
LEASE = timedelta(seconds=60)
MOST_PROBLEMS = 100_000
TRIES = 5
MANY = 1_000  # contacts written, from where the planner has to learn of them at once
_SQL = load("transfer/queries.sql")
# COPY is refused on tables with row-level security: rows come to rest here first. Temporary, so it is written to no log.
STAGE = """
CREATE TEMP TABLE IF NOT EXISTS import_contacts (
  id uuid, is_new boolean, external_id text, key bytea, person bytea, language text, gender text, timezone text, country text,
  city text, postal_code text, lifecycle_stage text, properties jsonb, tags text[], version int, content_hash bytea,
  consent boolean) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS import_addresses (
  contact_id uuid, kind text, position smallint, blind bytea, domain text, country text,
  takes_sms boolean) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS import_names (
  contact_id uuid, first_name bigint, last_name bigint, beginnings bigint[]) ON COMMIT DELETE ROWS;
TRUNCATE pg_temp.import_contacts, pg_temp.import_addresses, pg_temp.import_names
"""


class _CollisionError(Exception):
    """Somebody else is at the people of a block: has added or changed one since the look-up, or holds one for long."""


class _LostError(Exception):
    """The import was cancelled, or another worker holds it now."""


def run(open_unit: OpenUnit, import_id: UUID) -> None:
    """Carry out an import from where it stands; nothing happens when somebody else is at it or it is over."""
    token = uuid4()
    with open_unit() as session:
        now = clock.now()
        if (
            session.execute(_SQL["claim"], {"id": import_id, "token": token, "now": now, "until": now + LEASE}).first()
            is None
        ):
            return
    gc.disable()  # nothing here goes round in circles; the collector takes a quarter of the time
    try:
        failure = _carried_out(open_unit, import_id, token)
    except _LostError:
        log.info("an import was taken away", extra={"import": str(import_id)})
        return
    except FileNotFoundError:
        failure = mark("The uploaded file is not there any more.")
    except Damaged as broke:
        failure = broke.message
    except (DataError, IntegrityError):
        log.exception("a block of an import was refused", extra={"import": str(import_id)})
        failure = mark("The database refused some rows. Nothing of them was kept; the rows before them were.")
    finally:
        gc.enable()
    with open_unit() as session:
        _finish(session, import_id, token, failure)


def _carried_out(open_unit: OpenUnit, import_id: UUID, token: UUID) -> str | None:
    """Load the file, again from the last block kept when somebody else was at the same people; why it failed, or None."""
    position, tries = -1, 0
    while True:
        with open_unit() as session:
            loader = _loader(session, open_unit, import_id, token)
        tries = tries + 1 if loader.records.position == position else 1
        position = loader.records.position
        try:
            return loader.run()
        except _CollisionError:
            if tries == TRIES:
                raise


def _loader(session: Session, open_unit: OpenUnit, import_id: UUID, token: UUID) -> "_Loader":
    row = session.execute(select(Import).where(Import.id == import_id)).scalar_one()
    options = ImportOptions.model_validate(row.options)
    known = {p.key: Typed(p.key, p.type, p.is_pii) for p in properties.listed(session)}
    organisation = organisation_of(session)
    mapper = RowMapper(row.columns, options, known, Place(organisation.region, organisation.timezone))
    fingerprint = json.dumps([row.columns, options.model_dump(mode="json")], sort_keys=True)
    maker = Maker(mapper, vault_of(session), options.dedupe, fingerprint)
    chunks = Files(settings_of(session), row.organisation_id).chunks(row.file)
    records = Records(chunks, row.dialect["delimiter"], width=len(row.columns), position=row.position, row=row.last_row)
    return _Loader(
        open_unit, import_id, token, maker, records, row.rows, _grants(row, options), row.failed + row.warned
    )


def _grants(row: Import, options: ImportOptions) -> dict[str, Any]:
    """The consent of this file as the ledger keeps it."""
    made_up = options.demonstration
    return {
        "organisation": row.organisation_id,
        "channels": ["sms", "email"] if made_up else list(options.consent),
        "basis": demonstration.CONSENT_SOURCE if made_up else options.basis,
        "source": demonstration.CONSENT_SOURCE if made_up else f"import {row.file_name}"[:200],
        "wording": options.wording or None,
        "by": row.created_by,
    }


@dataclass(eq=False)
class _Laid:
    """A block that lies ready in a transaction of its own; `unit` commits it or, after an error, rolls it back."""

    staged: Staged
    session: Session
    unit: ExitStack


@dataclass
class _Loader:
    """One worker at one import."""

    open_unit: OpenUnit
    id: UUID
    token: UUID
    maker: Maker
    records: Records
    rows: int
    grants: dict[str, Any]
    odd: int  # rows that are bad or kept with a gap, also of the runs before
    open: list[_Laid] = field(default_factory=list)

    def run(self) -> str | None:
        """Load all blocks; why it cannot go on, or None at the good end."""
        try:
            with (
                ThreadPoolExecutor(1, thread_name_prefix="import-ready") as ready,
                ThreadPoolExecutor(LANES, thread_name_prefix="import-write") as write,
            ):
                return self._run(ready, write)
        finally:
            for laid in self.open:  # something broke, or was cancelled; perhaps the connection itself
                with suppress(SQLAlchemyError):
                    laid.session.rollback()
                with suppress(SQLAlchemyError):
                    laid.unit.close()

    def _run(self, ready: ThreadPoolExecutor, write: ThreadPoolExecutor) -> str | None:
        writing: deque[tuple[_Laid, Future[None]]] = deque()  # in the order of the file
        lanes = 1  # the first block goes alone: whoever comes from a collision holds nothing that others wait for
        block = self._read()
        ahead = self._prepare(ready, block) if block else None
        while ahead:
            if broke := ahead.exception():
                self._keep_all(writing)
                raise broke
            laid, block = ahead.result()
            writing.append((laid, write.submit(copy_context().run, self._write, laid)))
            # the next block is made ready while others are written, unless it speaks of the same people
            is_apart = block is not None and _is_apart(block, [other.staged.block for other, _ in writing])
            ahead = self._prepare(ready, block) if block and is_apart else None
            self._keep_all(writing, but=lanes - 1 if ahead else 0)
            lanes = LANES
            if self.odd > MOST_PROBLEMS:
                return mark("More than 100,000 rows are bad. Check which column goes where, then start again.")
            if block and not is_apart:
                ahead = self._prepare(ready, block)
        return None

    def _read(self) -> Block | None:
        block = Block(before=self.records.position)
        records = self.records.take(BLOCK)
        if not records:
            return None
        self.rows += len(records)
        block.position, block.last_row, block.rows = self.records.position, self.records.row, self.rows
        return self.maker.read(records, block)

    def _prepare(self, pool: ThreadPoolExecutor, block: Block) -> "Future[tuple[_Laid, Block | None]]":
        """Seal a block and lay it ready, then read the next, in the thread."""
        with self.open_unit() as session:
            found = _find(session, block)
        return pool.submit(copy_context().run, lambda: (self._lay(self.maker.stage(block, found)), self._read()))

    def _lay(self, staged: Staged) -> _Laid:
        unit = ExitStack()
        laid = _Laid(staged, unit.enter_context(self.open_unit()), unit)
        self.open.append(laid)
        # a server that dies forgets whole blocks with their place in the file; the last commit waits for all of them
        laid.session.execute(text("SET LOCAL synchronous_commit = off"))
        # of two imports, each may hold a written block the other waits for, which PostgreSQL cannot see
        laid.session.execute(text(f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000}"))
        if staged.contacts:
            _copy(laid.session, staged)
        return laid

    def _write(self, laid: _Laid) -> None:
        session, staged = laid.session, laid.staged
        if staged.problems:
            badrows.keep(session, self.id, staged.problems)
        if not staged.contacts:
            return
        now = clock.now()
        shared = {**self.grants, "now": now, "later": now + unread.PATIENCE}
        added = _count(session.execute(_SQL["add_contacts"], shared))
        changed = _count(session.execute(_SQL["change_contacts"], shared)) if staged.replaced else 0
        if (added, changed) != (staged.created, staged.replaced):
            raise _CollisionError
        if changed:
            session.execute(_SQL["drop_addresses"])
        session.execute(_SQL["add_addresses"], shared)
        session.execute(_SQL["leave_names"], shared)
        if staged.names:
            session.execute(_SQL["rename"], shared)
        if shared["channels"]:
            session.execute(_SQL["grant_new"], shared)
            if changed:
                session.execute(_SQL["grant_changed"], shared)

    def _keep_all(self, writing: "deque[tuple[_Laid, Future[None]]]", but: int = 0) -> None:
        """Commit blocks when they are written, in the order of the file, but for the last so many."""
        while len(writing) > but:
            self._keep(*writing.popleft())

    def _keep(self, laid: _Laid, written: "Future[None]") -> None:
        self.open.remove(laid)
        try:
            with laid.unit:
                written.result()
                self._move(laid.session, laid.staged)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) in _IN_THE_WAY:
                raise _CollisionError from error
            raise
        self.odd += len(laid.staged.problems)

    def _move(self, session: Session, staged: Staged) -> None:
        """The place in the file goes with the rows; whoever lost the import finds out here and keeps nothing."""
        moved = session.execute(_SQL["move"], {
            "id": self.id, "token": self.token, "until": clock.now() + LEASE, "before": staged.block.before,
            "position": staged.block.position, "rows": staged.block.rows, "created": staged.created,
            "updated": staged.updated, "unchanged": staged.unchanged, "failed": staged.failed, "warned": staged.warned,
            "last_row": staged.block.last_row,
        })  # fmt: skip
        if _count(moved) != 1:
            raise _LostError


def _is_apart(block: Block, others: list[Block]) -> bool:
    """Whether a block can be looked up before others are kept: it speaks of nobody they speak of."""
    if any(one.speaks_by_address for one in (block, *others)):
        return False
    return all(block.keys.isdisjoint(other.keys) for other in others)


def _find(session: Session, block: Block) -> Found:
    """Who of the block is there already; those the rows say something new about, whole."""
    found: dict[str | bytes, Known | Ambiguous] = {}
    for kind, query in ((str, "known_by_external_id"), (bytes, "known_by_address")):
        keys = [key for key in block.keys if isinstance(key, kind)]
        for name, contact_id, content_hash, status in session.execute(_SQL[query], {"keys": keys}) if keys else ():
            found[name] = Ambiguous() if name in found else Known(contact_id, content_hash, status)
    news: dict[UUID, set[str | bytes]] = {}  # by several addresses, rows may speak of one contact
    for line in block.lines:
        known = found.get(line.key)
        if isinstance(known, Known) and known.content_hash != line.content_hash:
            news.setdefault(known.id, set()).add(line.key)
    if news:
        for whole in session.execute(_SQL["whole"], {"ids": list(news)}).mappings():
            for key in news[whole["id"]]:
                known = found[key]
                assert isinstance(known, Known)
                found[key] = known._replace(whole=dict(whole))
    return found


def _copy(session: Session, staged: Staged) -> None:
    connection: Any = session.connection().connection.driver_connection
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        for table in ("contacts", "addresses", "names"):
            lines: list[str] = getattr(staged, table)
            with cursor.copy(f"COPY pg_temp.import_{table} FROM STDIN") as copy:
                copy.write("".join(lines))


def _finish(session: Session, import_id: UUID, token: UUID, failure: str | None) -> None:
    state = "failed" if failure else "completed"
    values = {"id": import_id, "token": token, "now": clock.now(), "state": state, "failure": failure}
    if _count(session.execute(_SQL["finish"], values)) != 1:
        return
    if close(session, import_id, f"import.{state}") >= MANY:
        for table in ("contacts", "contact_addresses", "consent_states"):
            session.execute(text("SELECT refresh_statistics(:name)"), {"name": table})


def close(session: Session, import_id: UUID, action: str) -> int:
    """Tell the trail and everybody upward what an import has done, once, at its end; how many contacts it wrote."""
    row = session.execute(
        select(Import).where(Import.id == import_id).execution_options(populate_existing=True)
    ).scalar_one()
    numbers = {name: getattr(row, name) for name in ("rows", "created", "updated", "unchanged", "failed", "warned")}
    trail.record(session, system(row.organisation_id), action, ("import", import_id), after=numbers)
    if row.created or row.updated:
        unread.read_soon(session)
        publish(session, ContactsChanged(subject=import_id))
    return row.created + row.updated


def _count(result: Any) -> int:
    return int(result.rowcount)
