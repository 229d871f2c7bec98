"""A dry run: read a file as an import would and count what would become of its rows; nothing is written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.db import live
from app.core.vault import OrganisationVault
from app.domain.access.keyring import vault_of
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.transfer import imports
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import
from app.domain.transfer.reading import Record
from app.domain.transfer.rows import Bad, Draft, RowMapper

MOST = 50_000  # rows read; a person waits for the answer
SAMPLED = 3
LOOKED_THROUGH = 20_000  # some columns begin empty
_AT_ONCE = 10_000


@dataclass
class DryRun:
    """What would become of the rows read. `is_whole` is False when the file goes on beyond them."""

    rows: int = 0
    new: int = 0
    known: int = 0
    repeated: int = 0
    bad: Counter[tuple[str, str]] = field(default_factory=Counter)
    flawed: Counter[tuple[str, str]] = field(default_factory=Counter)  # kept, but for an address
    is_whole: bool = True

    @property
    def failed(self) -> int:
        """How many rows cannot be taken."""
        return sum(self.bad.values())


def run(session: Session, row: Import, options: ImportOptions, *, by: Actor) -> DryRun:
    """Read up to 50,000 rows and count. Raises Invalid (the options do not fit), Forbidden."""
    require(by, "imports:write")
    imports.check(session, row, options)
    mapper, vault = imports.row_mapper_of(session, row, options), vault_of(session)
    records, counted, seen = imports.records_of(session, row), DryRun(), set[str | bytes]()
    while counted.rows < MOST and (block := records.take(_AT_ONCE)):
        counted.rows += len(block)
        _count(session, counted, list(_keys(counted, block, mapper, vault)), seen)
    counted.is_whole = not records.take(1)
    return counted


def _keys(counted: DryRun, block: list[Record], mapper: RowMapper, vault: OrganisationVault) -> Iterator[str | bytes]:
    """What tells the people of the good rows apart; bad rows are counted by column and reason."""
    for record in block:
        if record.problem:
            counted.bad["", record.problem] += 1
            continue
        try:
            draft = mapper(record.fields)
        except Bad as bad:
            counted.bad[bad.column, bad.reason] += 1
        else:
            counted.flawed.update(draft.flaws)
            yield _key(vault, draft)


def _key(vault: OrganisationVault, draft: Draft) -> str | bytes:
    """What an import recognises a person by: the external id, otherwise the first address, as its blind index."""
    if draft.external_id:
        return draft.external_id
    if draft.emails:
        return vault.blind("email", draft.emails[0])
    return vault.blind("phone", draft.phones[0])


def _count(session: Session, counted: DryRun, keys: list[str | bytes], seen: set[str | bytes]) -> None:
    fresh = list(dict.fromkeys(key for key in keys if key not in seen))
    seen.update(fresh)
    known = _known(session, [k for k in fresh if isinstance(k, str)], [k for k in fresh if isinstance(k, bytes)])
    counted.repeated += len(keys) - len(fresh)
    counted.known += known
    counted.new += len(fresh) - known


def _known(session: Session, external_ids: list[str], blinds: list[bytes]) -> int:
    contacts, addresses = live(Contact).c, live(ContactAddress).c
    by_id = select(func.count()).where(contacts.external_id == any_(literal(external_ids, ARRAY(Text()))))
    by_address = select(func.count(addresses.blind.distinct())).where(
        addresses.kind.in_(["email", "phone"]), addresses.blind == any_(literal(blinds, ARRAY(BYTEA())))
    )
    found = [
        session.execute(query).scalar_one() for keys, query in ((external_ids, by_id), (blinds, by_address)) if keys
    ]
    return sum(found)


def samples(session: Session, row: Import, *, by: Actor) -> list[list[str]]:
    """A few unlike values of every column, from the first rows in which there are any. Raises Forbidden."""
    require(by, "imports:write")
    found: list[dict[str, None]] = [{} for _column in row.columns]
    for record in imports.records_of(session, row).take(LOOKED_THROUGH):
        if len(record.fields) != len(found):
            continue
        for values, value in zip(found, record.fields, strict=True):
            if len(values) < SAMPLED and value.strip():
                values[value.strip()] = None
    return [list(values) for values in found]
