"""Comma separated values: dates in ISO, numbers plain, text that would run as a formula made harmless."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

from app.documents.table import FORMULA, Cell, Column, Row, Table, clean, finite

BOM = b"\xef\xbb\xbf"  # Excel reads UTF-8 only when told so
ROWS_AT_A_TIME = 1000
_NEGATIVE = re.compile(r"-\d+(?:,\d{3})*(?:\.\d+)?")


def write(table: Table, *, bom: bool = True, delimiter: str = ",") -> bytes:
    """Write a whole table, without its total."""
    return b"".join(stream(table.columns, table.rows, bom=bom, delimiter=delimiter))


def stream(
    columns: Sequence[Column], rows: Iterable[Row], *, bom: bool = True, delimiter: str = ","
) -> Iterator[bytes]:
    """Yield a table piece by piece, a thousand rows at a time."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([harmless(column.title) for column in columns])
    if bom:
        yield BOM
    for number, row in enumerate(rows, start=1):
        writer.writerow([plain(value) for value in row])
        if number % ROWS_AT_A_TIME == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def harmless(text: str) -> str:
    """Text a spreadsheet shows instead of running: an apostrophe goes before = + - @, but not before a negative number.

    Also before an apostrophe of the text's own that stands so: `bare` takes off one, and gives back the very same text.
    """
    text = clean(text)
    return f"'{text}" if FORMULA.match(text.lstrip("'")) and not _NEGATIVE.fullmatch(text) else text


def bare(text: str) -> str:
    """The text without the apostrophe that `harmless`, or another program for the same reason, put before it."""
    return text[1:] if text[:1] == "'" and FORMULA.match(text.lstrip("'")) else text


def plain(value: Cell) -> Cell:
    """A value as it stands in the file. A negative number stays a number; only text can be a formula."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return finite(value)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
