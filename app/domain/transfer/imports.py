"""Imports as people see them: upload, choose, start, watch, cancel."""

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.core.files import Files
from app.core.page import Ask, Page, fetch
from app.core.queue import Job
from app.core.text import clean
from app.core.unit import enqueue_after_commit, settings_of
from app.domain.access.keyring import organisation_of
from app.domain.audit import trail
from app.domain.contacts import properties
from app.domain.contacts.properties import PropertyInput
from app.domain.transfer import dialects, loading, mapping, reading
from app.domain.transfer.mapping import PROPERTY, ImportOptions
from app.domain.transfer.models import Import
from app.domain.transfer.rows import Bad, Draft, Place, RowMapper, Typed

EXAMPLE = Path(__file__).resolve().parents[3] / "sandbox" / "data" / "bank-marketing.csv.gz"
SUBJECT = "import"
PREVIEWED = 10
RUN_IMPORT = Job("imports", "jobs.transfer.run_import", 3600)


def upload(session: Session, file_name: str, stream: IO[bytes], *, delimiter: str = "", by: Actor) -> Import:
    """Look into a file, guess its delimiter (unless one is given) and what its columns are, and keep it.

    Raises Invalid (with the way out; then nothing is kept), Forbidden.
    """
    require(by, "imports:write")
    _check_delimiter(delimiter)
    dialect = dialects.dialect_of(stream)
    look = reading.look(dialects.Utf8(stream, dialect).chunks(), delimiter)
    clear = dialects.Utf8(stream, dialect)
    name = Files(settings_of(session), by.organisation_id).write(cast("IO[bytes]", clear))
    row = Import(
        organisation_id=by.organisation_id,
        file=name,
        file_name=clean(Path(file_name.replace("\\", "/")).name)[:200] or "contacts.csv",
        bytes=clear.size,
        dialect={"encoding": dialect.encoding},
        options={},
        state="uploaded",
        created_by=by.id,
        created_at=clock.now(),
    )
    _see(row, look)
    session.add(row)
    session.flush()
    after = {"bytes": row.bytes, "columns": len(row.columns)}
    trail.record(session, by, "import.uploaded", (SUBJECT, row.id), after=after)
    return row


def cut_by(session: Session, import_id: UUID, delimiter: str, *, by: Actor) -> Import:
    """Look into an uploaded file again, its cells cut by this delimiter. Raises NotFound, Invalid, Conflict, Forbidden."""
    require(by, "imports:write")
    row = _one_for_update(session, import_id)
    if row.state != "uploaded":
        raise Conflict(mark("This import has already been started."))
    _check_delimiter(delimiter)
    try:
        look = reading.look(Files(settings_of(session), row.organisation_id).chunks(row.file), delimiter)
    except Invalid as broke:
        raise Invalid.field("delimiter", broke.message, **broke.values) from None
    row.options = {}
    _see(row, look)
    session.flush()
    return row


def _check_delimiter(delimiter: str) -> None:
    if delimiter and delimiter not in dialects.DELIMITERS:
        raise Invalid.field("delimiter", mark("Choose a comma, a semicolon, a tab or a vertical bar."))


def _see(row: Import, look: reading.Look) -> None:
    personal = mapping.guess_personal(look.columns, look.rows)
    row.dialect = {
        "encoding": row.dialect["encoding"],
        "delimiter": look.delimiter,
        "start": look.start,
        "row": look.row,
        "types": mapping.guess_types(look.columns, look.rows) | dict.fromkeys(personal, "text"),
        "personal": personal,
    }
    row.columns, row.mapping = look.columns, mapping.guess(look.columns)
    row.position, row.last_row = look.start, look.row


def discard(session: Session, row: Import) -> None:
    """Remove the file of an import that was refused, unless another import is of the same file."""
    others = select(Import.id).where(Import.file == row.file, Import.id != row.id)
    if session.execute(others.limit(1)).first() is None:
        Files(settings_of(session), row.organisation_id).remove(row.file)


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
    enqueue_after_commit(session, RUN_IMPORT, by.organisation_id, row.id)
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
    if row.state == "uploaded":
        discard(session, row)
    row.state, row.finished_at = "cancelled", clock.now()
    row.lease_token = row.lease_until = None
    session.flush()
    trail.record(session, by, "import.stopped", (SUBJECT, row.id))
    loading.close(session, row.id, "import.cancelled")
    return row


def get(session: Session, import_id: UUID, *, by: Actor) -> Import:
    """One import. Raises NotFound, Forbidden."""
    require(by, "imports:read")
    return rows.one(session, Import, import_id, mark("There is no such import."))


def listed(session: Session, ask: Ask, *, by: Actor) -> Page[Import]:
    """A page of imports, newest first."""
    require(by, "imports:read")
    return fetch(session, select(Import), [Import.__table__.c.id], ask, descending=True)


def suggested(row: Import, mapped: Mapping[str, str] | None = None) -> ImportOptions:
    """The options to begin with: the guesses (or this mapping); properties of the types their columns seem to have."""
    types, chosen = row.dialect["types"], dict(row.mapping if mapped is None else mapped)
    keys = {column: f.removeprefix(PROPERTY) for column, f in chosen.items() if f.startswith(PROPERTY)}
    sealed = tuple(key for column, key in keys.items() if column in row.dialect.get("personal", ()))
    return ImportOptions(mapping=chosen, types={k: types.get(c, "text") for c, k in keys.items()}, personal=sealed)


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
    mapper = row_mapper_of(session, row, options)
    shown = []
    for fields, problem, number in records_of(session, row).take(PREVIEWED):
        if problem:
            shown.append(Previewed(number, fields, None, "", problem))
            continue
        try:
            shown.append(Previewed(number, fields, mapper(fields)))
        except Bad as bad:
            shown.append(Previewed(number, fields, None, bad.column, bad.reason))
    return shown


def records_of(session: Session, row: Import) -> reading.Records:
    """The rows of a file from its first."""
    chunks, dialect = Files(settings_of(session), row.organisation_id).chunks(row.file), row.dialect
    width, after = len(row.columns), dialect.get("row", 1)
    return reading.Records(chunks, dialect["delimiter"], width=width, position=dialect["start"], row=after)


def row_mapper_of(session: Session, row: Import, options: ImportOptions) -> RowMapper:
    """What the rows of a file are read by, with properties that are not defined yet."""
    known = {p.key: Typed(p.key, p.type, p.is_pii) for p in properties.listed(session)}
    for key in _new_keys(options, set(known)):
        known[key] = Typed(key, options.types.get(key, "text"), key in options.personal)
    organisation = organisation_of(session)
    return RowMapper(row.columns, options, known, Place(organisation.region, organisation.timezone))


def _new_keys(options: ImportOptions, known: set[str]) -> list[str]:
    fields = (f.removeprefix(PROPERTY) for f in options.mapping.values() if f.startswith(PROPERTY))
    return [key for key in fields if key not in known]


def _define(session: Session, options: ImportOptions, by: Actor) -> None:
    known = {p.key for p in properties.listed(session)}
    labels = {f.removeprefix(PROPERTY): column for column, f in options.mapping.items()}
    for key in _new_keys(options, known):
        kind, sealed = options.types.get(key, "text"), key in options.personal
        new = PropertyInput(key=key, label=_label(labels[key]), type=kind, is_pii=sealed)
        properties.define(session, new, by=by)


def _label(column: str) -> str:
    words = column.replace("_", " ").strip()
    return (words[:1].upper() + words[1:])[:120]


def _one_for_update(session: Session, import_id: UUID) -> Import:
    return rows.one_for_update(session, Import, import_id, mark("There is no such import."))


def waiting(session: Session) -> list[UUID]:
    """Imports that were started and have not ended."""
    return list(session.execute(select(Import.id).where(Import.state.in_(("queued", "running")))).scalars())
