"""Imports as people see them: upload, choose, start, watch, cancel, and the file of bad rows (A3)."""

import csv
import gzip
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, NotFound, mark
from app.core.files import Files
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.text import clean
from app.core.unit import ring, settings_of
from app.documents.csv import harmless
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.audit import trail
from app.domain.contacts import properties
from app.domain.contacts.properties import PropertyInput
from app.domain.transfer import loading, mapping, reading
from app.domain.transfer.mapping import PROPERTY, ImportOptions
from app.domain.transfer.models import Import, ImportProblem
from app.domain.transfer.rows import Bad, Draft, Plan, Typed

EXAMPLE = Path(__file__).resolve().parents[3] / "sandbox" / "data" / "bank-marketing.csv.gz"
SUBJECT = "import"
PREVIEWED = 10


def upload(session: Session, file_name: str, stream: IO[bytes], *, by: Actor) -> Import:
    """Keep a file, look into it and guess what its columns are. Raises Invalid (with the way out), Forbidden."""
    require(by, "imports:write")
    dialect = reading.dialect_of(stream)
    clear = reading.Utf8(stream, dialect)
    files = Files(settings_of(session), by.organisation_id)
    name = files.write(cast("IO[bytes]", clear))
    look = reading.look(files.chunks(name))
    row = Import(
        organisation_id=by.organisation_id,
        file=name,
        file_name=clean(Path(file_name.replace("\\", "/")).name)[:200] or "contacts.csv",
        bytes=clear.size,
        dialect={
            "encoding": dialect.encoding,
            "delimiter": look.delimiter,
            "start": look.start,
            "types": mapping.guess_types(look.columns, look.rows),
        },
        columns=look.columns,
        mapping=mapping.guess(look.columns),
        options={},
        position=look.start,
        state="uploaded",
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(row)
    session.flush()
    after = {"bytes": row.bytes, "columns": len(row.columns)}
    trail.record(session, by, "import.uploaded", (SUBJECT, row.id), after=after)
    return row


def use_example(session: Session, *, by: Actor) -> Import:
    """Upload the example file: 45,211 clients of a bank, who carry no names."""
    with gzip.open(EXAMPLE) as packed:
        return upload(session, EXAMPLE.stem, io.BytesIO(packed.read()), by=by)


def start(session: Session, import_id: UUID, options: ImportOptions, *, by: Actor) -> Import:
    """Let a worker carry out the import. Raises NotFound, Invalid, Conflict (it has started already), Forbidden."""
    require(by, "imports:write")
    row = _one_for_update(session, import_id)
    if row.state != "uploaded":
        raise Conflict(mark("This import has already been started."))
    check(session, row, options)
    _define(session, options, by)
    row.mapping = dict(options.mapping)
    row.options = options.model_dump(mode="json")
    row.state = "queued"
    session.flush()
    trail.record(session, by, "import.started", (SUBJECT, row.id), after={
        "mapping": row.mapping, "dedupe": options.dedupe, "demonstration": options.demonstration,
        "consent": list(options.consent), "basis": options.basis,
    })  # fmt: skip
    ring(session, Job.RUN_IMPORT, by.organisation_id, row.id)
    return row


def check(session: Session, row: Import, options: ImportOptions) -> None:
    """Raise Invalid when the options do not fit the file or the organisation."""
    mapping.check(row.columns, options)
    if options.demonstration and not may_demonstrate(session):
        raise Invalid.field("demonstration", mark("Demonstration people are not made in production."))
    known = {p.key for p in properties.listed(session)}
    for key in _new_keys(options, known):
        if properties.key_of(key) != key:
            raise Invalid.field("mapping", mark("“%(key)s” cannot be the key of a property."), key=key)


def may_demonstrate(session: Session) -> bool:
    """True where made-up people do no harm: outside production, or in the demonstration organisation."""
    return organisation_of(session).is_demo or not settings_of(session).is_production


def cancel(session: Session, import_id: UUID, *, by: Actor) -> Import:
    """Stop an import; the rows loaded so far stay. Raises NotFound, Conflict (it is over), Forbidden."""
    require(by, "imports:write")
    row = _one_for_update(session, import_id)
    if row.state not in {"uploaded", "queued", "running"}:
        raise Conflict(mark("This import is over already."))
    row.state, row.finished_at = "cancelled", clock.now()
    row.lease_token = row.lease_until = None
    session.flush()
    trail.record(session, by, "import.stopped", (SUBJECT, row.id))
    loading.close(session, row.id, "import.cancelled")
    return row


def get(session: Session, import_id: UUID, *, by: Actor) -> Import:
    """One import. Raises NotFound, Forbidden."""
    require(by, "imports:read")
    row = session.get(Import, import_id)
    if row is None:
        raise NotFound(mark("There is no such import."))
    return row


def listed(session: Session, ask: Ask, *, by: Actor) -> Page[Import]:
    """A page of imports, newest first."""
    require(by, "imports:read")
    return fetch(session, select(Import), [Import.__table__.c.id], ask, descending=True)


def suggested(row: Import, mapped: Mapping[str, str] | None = None) -> ImportOptions:
    """The options to begin with: the guesses (or this mapping); properties of the types their columns seem to have."""
    types, chosen = row.dialect["types"], dict(row.mapping if mapped is None else mapped)
    kinds = {f.removeprefix(PROPERTY): types.get(c, "text") for c, f in chosen.items() if f.startswith(PROPERTY)}
    return ImportOptions(mapping=chosen, types=kinds)


class Previewed(NamedTuple):
    """A row of the file and what it becomes: a draft, or the column and reason why not."""

    number: int
    fields: list[str]
    draft: Draft | None
    column: str = ""
    reason: str = ""


def preview(session: Session, row: Import, options: ImportOptions, *, by: Actor) -> list[Previewed]:
    """The first rows as they would be imported; nothing is written. Raises Invalid, Forbidden."""
    require(by, "imports:write")
    check(session, row, options)
    plan = plan_of(session, row, options)
    chunks = Files(settings_of(session), row.organisation_id).chunks(row.file)
    records = reading.Records(chunks, row.dialect["delimiter"], width=len(row.columns), position=row.dialect["start"])
    shown = []
    for number, record in enumerate(records.take(PREVIEWED), start=2):
        if record.problem:
            shown.append(Previewed(number, record.fields, None, "", record.problem))
            continue
        try:
            shown.append(Previewed(number, record.fields, plan(record.fields)))
        except Bad as bad:
            shown.append(Previewed(number, record.fields, None, bad.column, bad.reason))
    return shown


def plan_of(session: Session, row: Import, options: ImportOptions) -> Plan:
    """What the rows of a file are read by, with properties that are not defined yet."""
    known = {p.key: Typed(p.key, p.type, p.is_pii) for p in properties.listed(session)}
    for key in _new_keys(options, set(known)):
        known[key] = Typed(key, options.types.get(key, "text"), is_pii=False)
    return Plan(row.columns, options, known, organisation_of(session).region)


def error_file(session: Session, import_id: UUID, *, by: Actor) -> bytes:
    """The bad rows as CSV: number, column and reason, then the row as it was. Every download is audited.

    Raises:
        NotFound, Forbidden.
    """
    require(by, "imports:write")
    row = get(session, import_id, by=by)
    vault = vault_of(session)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    heads = (mark("Row"), mark("Column"), mark("Reason"))
    writer.writerow([*(i18n.say(h, {}, by.locale) for h in heads), *map(harmless, row.columns)])
    query = select(ImportProblem).where(ImportProblem.import_id == row.id).order_by(ImportProblem.row)
    for problem in session.execute(query.execution_options(yield_per=1000)).scalars():
        fields = json.loads(vault.open(problem.sealed, f"import_problems|{row.id}|{problem.row}"))
        said = i18n.say(problem.reason, {}, by.locale)
        writer.writerow([problem.row, harmless(problem.column), said, *map(harmless, fields)])
    trail.record(session, by, "import.errors_downloaded", (SUBJECT, row.id), after={"rows": row.failed})
    return out.getvalue().encode("utf-8-sig")


def reasons(session: Session, row: Import) -> Mapping[tuple[str, str], int]:
    """How many rows are bad for each (column, reason), the most frequent first."""
    number = func.count().label("number")
    query = (
        select(ImportProblem.column, ImportProblem.reason, number)
        .where(ImportProblem.import_id == row.id)
        .group_by(ImportProblem.column, ImportProblem.reason)
        .order_by(number.desc())
        .limit(20)
    )
    return {(column, reason): count for column, reason, count in session.execute(query)}


def _new_keys(options: ImportOptions, known: set[str]) -> list[str]:
    fields = (f.removeprefix(PROPERTY) for f in options.mapping.values() if f.startswith(PROPERTY))
    return [key for key in fields if key not in known]


def _define(session: Session, options: ImportOptions, by: Actor) -> None:
    known = {p.key for p in properties.listed(session)}
    labels = {f.removeprefix(PROPERTY): column for column, f in options.mapping.items()}
    for key in _new_keys(options, known):
        new = PropertyInput(key=key, label=_label(labels[key]), type=options.types.get(key, "text"))
        properties.define(session, new, by=by)


def _label(column: str) -> str:
    words = column.replace("_", " ").strip()
    return (words[:1].upper() + words[1:])[:120]


def _one_for_update(session: Session, import_id: UUID) -> Import:
    query = select(Import).where(Import.id == import_id).with_for_update()
    row = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if row is None:
        raise NotFound(mark("There is no such import."))
    return row


def waiting(session: Session) -> list[UUID]:
    """Imports that were started and have not ended."""
    return list(session.execute(select(Import.id).where(Import.state.in_(("queued", "running")))).scalars())
