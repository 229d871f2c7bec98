"""Files of rows: their header and their records, one by one."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from app.core.errors import Invalid, mark
from app.core.text import clean
from app.documents.csv import BOM, bare
from app.domain.transfer.dialects import CHUNK, LONGEST_LINE, guessed_delimiter, named_delimiter

MOST_COLUMNS = 1_000
SAMPLE_ROWS = 1_000
ENOUGH_VALUES = 100
SEARCHED = 50_000  # rows, for values of a column that begins empty
_WIDEST_RECORD = 1_000  # lines of one record; more is a quotation mark nobody closed
_UNREADABLE = "\ufffd"
_AFTER_QUOTE = re.compile(r'"[ \t]+(?=[,;|\t\r\n]|$)')

csv.field_size_limit(LONGEST_LINE)


class Record(NamedTuple):
    """One row of a file; `problem` says why it cannot be read. `row` is its number as a spreadsheet counts, the header is 1."""

    fields: list[str]
    problem: str | None = None
    row: int = 0


class _Chunks(io.RawIOBase):
    """A stream of chunks as a file; nothing of it is ever written to a disk in clear."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the present chunk reaches."""
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class Records:
    """The records of a UTF-8 file from a byte on. `position` is the byte after the last record taken, `row` its number.

    A record has as many cells as `width`: missing ones are empty, spare ones must be. Rows of nothing but empty cells are
    counted and left out. A quotation mark that is never closed would swallow the rest of the file: then only its first line
    is bad, and reading goes on with the second.
    """

    def __init__(
        self, chunks: Iterator[bytes], delimiter: str, *, width: int = 0, position: int = 0, row: int = 0
    ) -> None:
        self._file = io.BufferedReader(_Chunks(chunks), CHUNK)
        self._delimiter = delimiter
        self._back: deque[bytes] = deque()
        self._record: list[bytes] = []
        self._reader = self._fresh()
        self._skipped = False
        self.width = width
        self.position = position
        self.row = row

    def _skip(self) -> None:
        """Read up to where reading begins: late, so that a file that is not there is noticed by whoever reads."""
        left, self._skipped = 0 if self._skipped else self.position, True
        while left > 0 and (skipped := self._file.read(min(left, CHUNK))):
            left -= len(skipped)

    def __iter__(self) -> Iterator[Record]:
        self._skip()
        while True:
            self._record.clear()
            try:
                fields = next(self._reader, None)
            except csv.Error:
                fields = self._with_spaces_outside_quotes()
            if fields is None and not self._record:
                return
            if fields is None or self._swallowed(fields):
                yield self._only_first_line()
                continue
            self.position += sum(map(len, self._record))
            self.row += 1
            if _is_written(fields):
                yield self._made(fields, self.row)

    def take(self, most: int) -> list[Record]:
        """The next records, at most so many."""
        self._skip()
        while not self._back and (lines := list(islice(self._file, most))):
            plain = self._plain(b"".join(lines), len(lines))
            if plain:
                return plain
            if plain is None:
                self._back.extend(lines)
        return list(islice(self, most))

    def _plain(self, content: bytes, lines: int) -> list[Record] | None:
        """Without quotation marks a line is a record: three times as fast, and most files have none. None if it is not so."""
        if b'"' in content:
            return None
        text = content.decode("utf-8", "replace")
        rows = csv.reader(text.split("\n"), delimiter=self._delimiter)
        is_odd, width = "'" in text or _UNREADABLE in text, self.width
        try:
            records = [
                Record(row, None, number) if len(row) == width and not is_odd else self._made(row, number)
                for number, row in enumerate(rows, self.row + 1)
                if row and (row[0].strip() or _is_written(row))
            ]
        except csv.Error:  # a carriage return inside a line
            return None
        self.position += len(content)
        self.row += lines
        return records

    def _made(self, fields: list[str], number: int) -> Record:
        """A record of cells as they stand in the file."""
        fields, problem = _fitted([bare(cell) if cell[:1] == "'" else cell for cell in fields], self.width)
        if any(_UNREADABLE in cell for cell in fields):
            problem = mark("A letter of this row cannot be read. Write it anew and save the file as “CSV UTF-8”.")
        return Record(fields, problem, number)

    def _fresh(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True, skipinitialspace=True)

    def _lines(self) -> Iterator[str]:
        while raw := self._back.popleft() if self._back else self._file.readline():
            self._record.append(raw)
            if len(self._record) > _WIDEST_RECORD:
                raise csv.Error("a record without end")
            yield raw.removeprefix(BOM).decode("utf-8", "replace")  # one in the middle: two files joined

    def _with_spaces_outside_quotes(self) -> list[str] | None:
        """The cells of a line such as `"a" , "b"`; None if that is not what is wrong with it."""
        self._reader = self._fresh()
        if len(self._record) != 1:
            return None
        line = _AFTER_QUOTE.sub('"', self._record[0].decode("utf-8", "replace"))
        try:
            return next(csv.reader([line], delimiter=self._delimiter, strict=True, skipinitialspace=True), [])
        except csv.Error:
            return None

    def _swallowed(self, fields: list[str]) -> bool:
        """Whether a record of several lines is a quotation mark nobody closed and the rows after it."""
        if len(self._record) == 1 or len(fields) == self.width or not self.width:
            return False
        later = csv.reader((raw.decode("utf-8", "replace") for raw in self._record[1:]), delimiter=self._delimiter)
        return _fitted(fields, self.width)[1] is not None or any(len(row) >= self.width for row in later)

    def _only_first_line(self) -> Record:
        first, *others = self._record
        self._back.extendleft(reversed(others))
        self._reader = self._fresh()
        self.position += len(first)
        self.row += 1
        line = first.decode("utf-8", "replace").rstrip("\r\n")
        return Record([line], mark("The row cannot be read. Look at its quotation marks."), self.row)


def _is_written(fields: list[str]) -> bool:
    return any(cell.strip() for cell in fields)


def _fitted(fields: list[str], width: int) -> tuple[list[str], str | None]:
    """As many cells as the header: what spreadsheets leave out at the end is empty, what they add there is left out."""
    if len(fields) <= width or not width:
        return fields + [""] * (width - len(fields)), None
    if _is_written(fields[width:]):
        return fields, mark("The row has more columns than the header.")
    return fields[:width], None


@dataclass(frozen=True)
class Look:
    """The beginning of a file: its delimiter, its columns, the byte and row where the header ends, some rows."""

    delimiter: str
    columns: list[str]
    start: int
    row: int
    rows: list[list[str]]


def look(chunks: Iterator[bytes], delimiter: str = "") -> Look:
    """Find the delimiter, unless one is given, and the header. Raises Invalid: no rows, too many columns."""
    head = next(chunks, b"")
    named, after = named_delimiter(head)
    delimiter = delimiter or named or guessed_delimiter(head)
    records = Records(chain([head], chunks), delimiter, position=after)
    header = next(iter(records), None)
    if header is None:
        raise Invalid.field("file", mark("The file is empty."))
    if len(header.fields) > MOST_COLUMNS:
        raise Invalid.field("file", mark("The file has more than %(most)s columns."), most=MOST_COLUMNS)
    columns, start, row = _named(header.fields), records.position, records.row
    records.width = len(columns)
    first = records.take(SAMPLE_ROWS)
    if not first:
        raise Invalid.field("file", mark("The file has a header but no rows."))
    rows = _sample(first, records, len(columns))
    while not header.fields[len(columns) - 1].strip() and not any(cells[len(columns) - 1].strip() for cells in rows):
        columns.pop()  # delimiters at the end of the lines, and nothing under them
    return Look(delimiter, columns, start, row, [cells[: len(columns)] for cells in rows])


def _sample(taken: list[Record], records: Records, width: int) -> list[list[str]]:
    """The first rows, and of later ones those that show values of a column of which too few were seen."""
    rows: list[list[str]] = []
    missing = dict.fromkeys(range(width), ENOUGH_VALUES)
    for _ in range(SEARCHED // SAMPLE_ROWS):
        for fields in (record.fields for record in taken if len(record.fields) == width):
            shown = [place for place in missing if fields[place].strip()]
            if shown or len(rows) < SAMPLE_ROWS:
                rows.append(fields)
            for place in shown:
                missing[place] -= 1
                if not missing[place]:
                    del missing[place]
        if not missing or not taken:
            break
        taken = records.take(SAMPLE_ROWS)
    return rows


def _named(header: list[str]) -> list[str]:
    """Every column gets a name of its own."""
    names: list[str] = []
    for number, given in enumerate(header, start=1):
        name = base = clean(given)[:120] or f"#{number}"
        twin = 2
        while name in names:
            name, twin = f"{base} ({twin})", twin + 1
        names.append(name)
    return names
