"""One block of rows made ready for the database: who is new, who changes, everything sealed, as text for COPY.

Nothing here touches the database, so that a thread does it while PostgreSQL loads the block before.
"""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

from app.core import phone
from app.core.errors import mark
from app.core.vault import OrganisationVault
from app.domain.contacts import names
from app.domain.contacts.person import Person, opened
from app.domain.transfer.reading import Record
from app.domain.transfer.rows import PLAIN, Bad, Draft, RowMapper

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ESCAPED = re.compile(r"[\\\t\n\r]")
_NULL = "\\N"
_SHARED = mark("Several contacts share this address. Map a column to the customer number.")


class Known(NamedTuple):
    """A contact that is there already, as far as a row must know it; `whole` only where the row says something new."""

    id: UUID
    content_hash: bytes | None
    status: str = "active"
    whole: Mapping[str, Any] | None = None


class Problem(NamedTuple):
    """A row that is not taken, or not all of it."""

    row: int
    column: str
    reason: str
    fields: list[str]
    is_warning: bool = False  # the row was taken, but for what this says


class Line(NamedTuple):
    """A row that can be taken: its hash, whom it is about and what it says."""

    row: int
    key: str | bytes
    content_hash: bytes
    draft: Draft
    fields: list[str]


@dataclass
class Block:
    """Rows as they were read. `position`, `last_row` and `rows` are where the file stands after them."""

    before: int
    position: int = 0
    last_row: int = 0
    rows: int = 0
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def keys(self) -> set[str | bytes]:
        """Whom the rows speak of: customer numbers, and blind addresses of people without one."""
        return {line.key for line in self.lines}

    @property
    def speaks_by_address(self) -> bool:
        """Whether any row names its person by an address."""
        return any(isinstance(line.key, bytes) for line in self.lines)


@dataclass
class Staged:
    """A block ready to load: text for COPY, and what it will do to the numbers of the import."""

    block: Block
    contacts: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)  # of who was there before and is called otherwise now
    problems: list[Problem] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    replaced: int = 0  # contacts that were there before and change

    @property
    def warned(self) -> int:
        """Rows taken but for an address."""
        return sum(problem.is_warning for problem in self.problems)

    @property
    def failed(self) -> int:
        """Rows not taken."""
        return len(self.problems) - self.warned

    def count(self, effect: str) -> None:
        """Count one row by what it does: created, updated or unchanged."""
        setattr(self, effect, getattr(self, effect) + 1)


class Ambiguous(NamedTuple):
    """Several contacts share the address a row is matched by."""


Found = Mapping[str | bytes, Known | Ambiguous]


class Maker:
    """Everything about an import that stays the same for all its blocks."""

    def __init__(self, mapper: RowMapper, vault: OrganisationVault, dedupe: str, fingerprint: str) -> None:
        self.mapper = mapper
        self.vault = vault
        self.dedupe = dedupe
        # A row's hash counts only for the same file header, mapping and options: with others it means something else.
        self._hash_key = vault.blind("import", fingerprint)

    def read(self, records: Iterable[Record], block: Block) -> Block:
        """Check the records and turn them into lines and problems."""
        for fields, problem, row in records:
            if problem:
                block.problems.append(Problem(row, "", problem, fields))
                continue
            try:
                draft = self.mapper(fields)
            except Bad as bad:
                block.problems.append(Problem(row, bad.column, bad.reason, fields))
                continue
            if draft.flaws:
                block.problems.append(_warning(row, draft.flaws, fields))
            digest = blake2b("\x1f".join(fields).encode(), key=self._hash_key, digest_size=16).digest()
            block.lines.append(Line(row, draft.external_id or self._address(draft), digest, draft, fields))
        if block.speaks_by_address and not all(isinstance(line.key, bytes) for line in block.lines):
            self._join(block)
        return block

    def _join(self, block: Block) -> None:
        """Rows without a customer number are about whom a row with one gives the same first address to."""
        owners: dict[bytes, set[str]] = {}
        for line in block.lines:
            if isinstance(line.key, str) and (line.draft.emails or line.draft.phones):
                owners.setdefault(self._address(line.draft), set()).add(line.key)
        lines, block.lines = block.lines, []
        for line in lines:
            found = owners.get(line.key, set()) if isinstance(line.key, bytes) else set[str]()
            if len(found) > 1:
                block.problems.append(Problem(line.row, "", _SHARED, line.fields))
            else:
                block.lines.append(line._replace(key=next(iter(found), line.key)))

    def _address(self, draft: Draft) -> bytes:
        return (
            self.vault.blind("email", draft.emails[0]) if draft.emails else self.vault.blind("phone", draft.phones[0])
        )

    def stage(self, block: Block, found: Found) -> Staged:
        """Decide what every line does, then seal what has to be written."""
        staged = Staged(block, problems=list(block.problems))
        pending: dict[str | bytes | UUID, _Pending] = {}  # a contact that is there by its id, a new one by its key
        for line in block.lines:
            known = found.get(line.key)
            waiting = pending.get(known.id if isinstance(known, Known) else line.key)
            if waiting is not None:
                staged.count("unchanged" if self.dedupe == "skip" else "updated")
                if self.dedupe != "skip":
                    waiting.take(line, self.dedupe)
                continue
            if known is None:
                staged.created += 1
                pending[line.key] = _Pending(line)
            elif reason := _refusal(known):
                staged.problems = [problem for problem in staged.problems if problem.row != line.row]
                staged.problems.append(Problem(line.row, "", reason, line.fields))
            else:
                assert isinstance(known, Known)
                self._meet(staged, pending, line, known)
        for one, new_id in zip(pending.values(), _new_ids(len(pending)), strict=True):
            self._write(staged, one, new_id)
        return staged

    def _meet(self, staged: Staged, pending: dict[str | bytes | UUID, "_Pending"], line: Line, known: Known) -> None:
        if self.dedupe == "skip" or known.content_hash == line.content_hash or known.whole is None:
            staged.unchanged += 1
            return
        waiting = _Pending(line, known.whole, self.vault)
        waiting.take(line, self.dedupe)
        staged.updated += 1
        staged.replaced += 1
        pending[known.id] = waiting

    def _write(self, staged: Staged, one: "_Pending", new_id: UUID) -> None:
        contact_id = one.id or new_id
        draft = one.draft
        person: dict[str, object] = {
            "first_name": draft.first_name,
            "last_name": draft.last_name,
            "emails": draft.emails,
            "phones": draft.phones,
            "properties": draft.personal,
        }
        key, sealed = self.vault.seal_person(contact_id, person, one.key)
        text = str(contact_id)
        plain = "\t".join([_text(draft.plain[name]) if name in draft.plain else _NULL for name in PLAIN])
        staged.contacts.append(
            f"{text}\t{'f' if one.id else 't'}\t{_text(draft.external_id)}\t\\\\x{key.hex()}\t\\\\x{sealed.hex()}\t{plain}\t"
            f"{_text(f'{{{draft.clear}}}')}\t{_array(draft.tags)}\t{one.version}\t\\\\x{one.content_hash.hex()}\t"
            f"{'t' if draft.consent else 'f'}\n"
        )
        if one.id and one.names != (draft.first_name, draft.last_name):
            kept = names.tokens(self.vault, draft.first_name, draft.last_name)
            first, last = (_NULL if whole is None else whole for whole in kept[:2])
            staged.names.append(f"{text}\t{first}\t{last}\t{{{','.join(map(str, kept.beginnings))}}}\n")
        for position, email in enumerate(draft.emails):
            blind, domain = self.vault.blind("email", email).hex(), email.rpartition("@")[2]
            staged.addresses.append(f"{text}\temail\t{position}\t\\\\x{blind}\t{domain}\t{_NULL}\t{_NULL}\n")
        for position, number in enumerate(draft.phones):
            blind, country = self.vault.blind("phone", number).hex(), phone.country(number) or _NULL
            takes = "t" if phone.takes_sms(number) else "f"
            staged.addresses.append(f"{text}\tphone\t{position}\t\\\\x{blind}\t{_NULL}\t{country}\t{takes}\n")


class _Pending:
    """A contact as it will be written at the end of the block; several lines may speak of it."""

    __slots__ = ("content_hash", "draft", "id", "key", "names", "version")

    def __init__(
        self, line: Line, whole: Mapping[str, Any] | None = None, vault: OrganisationVault | None = None
    ) -> None:
        self.content_hash = line.content_hash
        self.id: UUID | None = None
        self.key: bytes | None = None
        self.version = 1
        self.draft = line.draft
        if whole is not None and vault is not None:
            self.id, self.key, self.version = whole["id"], bytes(whole["key"]), whole["version"]
            self.draft = _as_draft(whole, opened(vault, whole["id"], self.key, bytes(whole["person"])))
        self.names = self.draft.first_name, self.draft.last_name  # as they are kept, if he is there already

    def take(self, line: Line, dedupe: str) -> None:
        """Add what a line says: over what is there (update), or only where nothing is (fill)."""
        self.draft = _merged(line.draft, self.draft) if dedupe == "update" else _merged(self.draft, line.draft)
        self.content_hash = line.content_hash


def _warning(row: int, flaws: tuple[tuple[str, str], ...], fields: list[str]) -> Problem:
    """One line for all flaws of a row: its file of bad rows is to be imported again."""
    columns, reasons = zip(*flaws, strict=True)
    reason = reasons[0] if len(set(reasons)) == 1 else mark("These are not valid addresses.")
    return Problem(row, ", ".join(dict.fromkeys(columns)), reason, fields, is_warning=True)


def _refusal(known: Known | Ambiguous) -> str | None:
    if isinstance(known, Ambiguous):
        return _SHARED
    if known.status == "erased":
        return mark("This person was erased and cannot be imported again.")
    return None


def _as_draft(whole: Mapping[str, Any], person: Person) -> Draft:
    return Draft(
        external_id=whole["external_id"],
        first_name=person.first_name,
        last_name=person.last_name,
        emails=person.emails,
        phones=person.phones,
        plain={name: whole[name] for name in PLAIN if whole[name]},
        clear=json.dumps(whole["properties"], ensure_ascii=False)[1:-1],
        personal=person.properties,
        tags=tuple(whole["tags"]),
    )


def _merged(strong: Draft, weak: Draft) -> Draft:
    """Both together; where both speak, the strong one counts. An empty cell says nothing. Tags add up."""
    return Draft(
        external_id=strong.external_id or weak.external_id,
        first_name=strong.first_name or weak.first_name,
        last_name=strong.last_name or weak.last_name,
        emails=_joined(strong.emails, weak.emails),
        phones=_joined(strong.phones, weak.phones),
        plain={**weak.plain, **strong.plain},
        clear=json.dumps({**weak.properties, **strong.properties}, ensure_ascii=False)[1:-1],
        personal={**weak.personal, **strong.personal},
        tags=tuple(dict.fromkeys((*weak.tags, *strong.tags))),
        consent=strong.consent or weak.consent,
    )


def _joined(strong: tuple[str, ...], weak: tuple[str, ...]) -> tuple[str, ...]:
    """The strong addresses come first, each new one in the place of one that was there; the others stay."""
    new = sum(value not in weak for value in strong)
    return strong + tuple(value for value in weak if value not in strong)[new:]


def _new_ids(number: int) -> Iterator[UUID]:
    """Ids of version 7 (RFC 9562): the milliseconds first, so that new rows lie side by side in the index."""
    head = (time.time_ns() // 1_000_000 << 80 | 0x7000 << 64 | 0x8000 << 48).to_bytes(16, "big")
    chance = os.urandom(8 * number)
    for at in range(0, 8 * number, 8):
        low = int.from_bytes(chance[at : at + 8], "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        yield UUID(bytes=head[:8] + low.to_bytes(8, "big"))


def _text(value: str | None) -> str:
    if value is None:
        return _NULL
    return value.translate(_ESCAPES) if _ESCAPED.search(value) else value


def _array(values: tuple[str, ...]) -> str:
    if not values:
        return "{}"
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return _text(f"{{{','.join(quoted)}}}")
