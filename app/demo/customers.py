"""The customers of the demonstration bank: the example file, some new ones every few days, five segments."""

import gzip
import io
from functools import partial
from typing import IO, Any

from app.demo.bank import Bank, Step, When
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from app.domain.transfer import imports, loading

FIRST = When(20, 9, 30)
# When a file of new customers came, and how many it held: early, so that none comes between a request and its launch (drift.py).
LATER = (
    (When(13, 8, 40), 310),
    (When(10, 8, 20), 180),
    (When(7, 8, 5), 420),
    (When(5, 8, 30), 265),
    (When(2, 8, 15), 390),
)
KNOWN = 5  # columns of the example that are known of a new customer


def _field(name: str, op: str, value: object) -> dict[str, Any]:
    return {"kind": "field", "field": f"properties.{name}", "op": op, "value": value}


# When each segment was made, its name, what it is for, its conditions.
_SEGMENTS: dict[str, tuple[When, str, str, list[dict[str, Any]]]] = {
    "savers": (
        When(19, 11), "Savers without a loan", "A balance of 6,000 and more, and no loan.",
        [_field("balance", "gte", 6000), _field("loan", "eq", "no")],
    ),
    "retired": (
        When(19, 11, 20), "Retired customers", "Everybody whose occupation is “retired”.",
        [_field("job", "eq", "retired")],
    ),
    "young": (
        When(18, 14), "Young professionals", "Under thirty, in management or a technical profession.",
        [_field("age", "lt", 30), _field("job", "in", ["management", "technician"])],
    ),
    "newcomers": (
        When(7, 8, 30), "New customers under thirty", "Whoever came in the last eight days.",
        [{"kind": "field", "field": "created_at", "op": "in_last", "value": 8}, _field("age", "lt", 30)],
    ),
    "readers": (
        When(3, 14), "Readers of the deposit offer", "Opened the deposit campaign's e-mail and did not click.",
        [{"kind": "message", "did": "opened"}, {"not": {"kind": "message", "did": "clicked"}}],
    ),
}  # fmt: skip


def story(bank: Bank) -> list[Step]:
    """Files of customers, and the segments."""
    files = [(bank.moment(when), partial(_join, bank, number)) for number, (when, _) in enumerate(LATER)]
    chosen = [(bank.moment(when), partial(_choose, bank, key)) for key, (when, *_) in _SEGMENTS.items()]
    return [(bank.moment(FIRST), partial(_first, bank)), *files, *chosen]


def _first(bank: Bank) -> None:
    with gzip.open(imports.EXAMPLE) as packed:
        _load(bank, imports.EXAMPLE.stem, io.BytesIO(packed.read()))


def _join(bank: Bank, number: int) -> None:
    """Rows of the example once more, as far as is known of new customers, under the numbers that follow."""
    start = sum(count for _, count in LATER[:number])
    with gzip.open(imports.EXAMPLE, "rt", encoding="utf-8") as packed:
        head, *lines = (line.rstrip("\n").split(";")[:KNOWN] for line in packed)
    rows = [[str(len(lines) + n + 1), *lines[n][1:]] for n in range(start, start + LATER[number][1])]
    said = "\n".join(";".join(row) for row in [head, *rows])
    _load(bank, f"new-customers-{number + 1}.csv", io.BytesIO(said.encode()))


def _load(bank: Bank, name: str, stream: IO[bytes]) -> None:
    with bank.by("marketer") as (session, by):
        row = imports.upload(session, name, stream, by=by)
        options = imports.suggested(row).model_copy(update={"demonstration": True})
        import_id = imports.start(session, row.id, options, by=by).id
    loading.run(bank.open_unit, import_id)


def _choose(bank: Bank, key: str) -> None:
    _, name, said, where = _SEGMENTS[key]
    if key == "readers":
        where = [{**where[0], "campaign": str(bank.campaigns["deposit"])}, *where[1:]]
    new = SegmentInput(name=name, description=said, definition={"where": {"all": where}})
    with bank.by("marketer") as (session, by):
        bank.segments[key] = library.create(session, new, by=by).id
