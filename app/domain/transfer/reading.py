"""Files of rows: what encoding and delimiter they have, what is wrong with them, and their records one by one (A3)."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, NamedTuple

from app.core.errors import Invalid, mark
from app.core.text import clean

CHUNK = 1 << 20
LONGEST_LINE = 1 << 20
MOST_COLUMNS = 1_000
SAMPLE_ROWS = 1_000
ENOUGH_VALUES = 100
SEARCHED = 50_000  # rows, for values of a column that begins empty
DELIMITERS = ",;\t|"
_WIDEST_RECORD = 1_000  # lines of one record; more is a quotation mark nobody closed
_MAGIC = (
    (
        b"PK\x03\x04",
        mark("This is an Excel or ZIP file. In Excel choose “Save as”, “CSV UTF-8”, and upload that file."),
    ),
    (
        b"\xd0\xcf\x11\xe0",
        mark("This is an old Excel file. In Excel choose “Save as”, “CSV UTF-8”, and upload that file."),
    ),
    (b"\x1f\x8b", mark("This file is compressed. Unpack it first and upload the CSV file inside.")),
    (b"%PDF", mark("This is a PDF file. Ask for the same list as CSV and upload that.")),
)
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_HEBREW = frozenset(range(0xE0, 0xFB))  # the letters in Windows-1255

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `line_ends` is a carriage return only for files of old Macs."""

    encoding: str
    line_ends: str = "\n"


class Record(NamedTuple):
    """One row of a file; `problem` says why it cannot be read."""

    fields: list[str]
    problem: str | None = None


def dialect_of(source: IO[bytes]) -> Dialect:
    """Look at the whole file once; how it is written. Raises Invalid when it is not text in rows."""
    source.seek(0)
    head = source.read(CHUNK)
    if not head.strip(b"\xef\xbb\xbf \r\n\t"):
        raise Invalid.field("file", mark("The file is empty."))
    for magic, sentence in _MAGIC:
        if head.startswith(magic):
            raise Invalid.field("file", sentence)
    dialect = Dialect(_encoding(source, head), "\r" if b"\r" in head and b"\n" not in head else "\n")
    _check_lines(source, dialect)
    source.seek(0)
    return dialect


def _encoding(source: IO[bytes], head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decodable(source, "utf-16")
    if b"\x00" in head or len(_CONTROL.findall(head[:65536])) > len(head[:65536]) // 50:
        raise Invalid.field(
            "file", mark("This is not a text file. Upload a CSV file: rows of text with commas between the columns.")
        )
    if _decodes(source, "utf-8"):
        return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    high = [byte for byte in head if byte >= 0x80]
    hebrew = sum(1 for byte in high if byte in _HEBREW)
    return _decodable(source, "windows-1255" if hebrew * 2 >= len(high) else "windows-1252")


def _decodable(source: IO[bytes], encoding: str) -> str:
    if not _decodes(source, encoding):
        raise Invalid.field(
            "file", mark("The letters of this file cannot be read. Save it as “CSV UTF-8” and upload it again.")
        )
    return encoding


def _decodes(source: IO[bytes], encoding: str) -> bool:
    source.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := source.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _check_lines(source: IO[bytes], dialect: Dialect) -> None:
    """No NUL, no line over a megabyte: such a line is not a row, and would fill the memory."""
    length = 0
    clear = Utf8(source, dialect)
    while chunk := clear.read(CHUNK):
        if b"\x00" in chunk:
            raise Invalid.field("file", mark("The file has NUL characters in it: it is damaged, or not a text file."))
        lines = chunk.split(b"\n")
        if length + len(lines[0]) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
            raise Invalid.field(
                "file", mark("A line of this file is longer than 1 MB. Check that it has one row a line.")
            )
        length = len(lines[-1]) + (length if len(lines) == 1 else 0)


class Utf8:
    """A file read as UTF-8 with plain line ends, whatever it is written in; `size` is what was read so far."""

    def __init__(self, source: IO[bytes], dialect: Dialect) -> None:
        source.seek(0)
        self._source = source
        self._decoder = None if dialect == Dialect("utf-8") else codecs.getincrementaldecoder(dialect.encoding)()
        self._line_ends = dialect.line_ends
        self.size = 0

    def read(self, size: int) -> bytes:
        """The next bytes, at least one unless the file is over."""
        given = b""
        while not given:
            chunk = self._source.read(size)
            if self._decoder is None:
                given = chunk
            else:
                text = self._decoder.decode(chunk, final=not chunk)
                given = text.replace("\r", "\n").encode() if self._line_ends == "\r" else text.encode()
            if not chunk:
                break
        self.size += len(given)
        return given


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
    """The records of a UTF-8 file from a byte on. `position` is the byte after the last record taken.

    A record has as many fields as `width`; another number is a problem of that record. A quotation mark that is never
    closed would swallow the rest of the file: then only its first line is bad, and reading goes on with the second.
    """

    def __init__(self, chunks: Iterator[bytes], delimiter: str, *, width: int = 0, position: int = 0) -> None:
        self._file = io.BufferedReader(_Chunks(chunks), CHUNK)
        self._delimiter = delimiter
        self._width = width
        self._back: deque[bytes] = deque()
        self._record: list[bytes] = []
        self._reader = self._fresh()
        self.position = position
        self._skipped = False

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
                yield self._only_first_line()
                continue
            if fields is None:
                return
            if self._width and len(fields) != self._width and fields:
                yield self._uneven(fields)
                continue
            self.position += sum(map(len, self._record))
            if fields:
                yield Record(fields)

    def take(self, most: int) -> list[Record]:
        """The next records, at most so many."""
        self._skip()
        while not self._back and (lines := list(islice(self._file, most))):
            plain = self._plain(b"".join(lines))
            if plain:
                return plain
            if plain is None:
                self._back.extend(lines)
        return list(islice(self, most))

    def _plain(self, text: bytes) -> list[Record] | None:
        """Without quotation marks a line is a record: three times as fast, and most files have none. None if it is not so."""
        if b'"' in text:
            return None
        rows = csv.reader(text.decode("utf-8", "replace").split("\n"), delimiter=self._delimiter)
        width = self._width
        try:
            records = [Record(row, _problem(row, width)) for row in rows if row]
        except csv.Error:  # a carriage return inside a line
            return None
        self.position += len(text)
        return records

    def _fresh(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        while raw := self._back.popleft() if self._back else self._file.readline():
            self._record.append(raw)
            if len(self._record) > _WIDEST_RECORD:
                raise csv.Error("a record without end")
            yield raw.decode("utf-8", "replace")

    def _uneven(self, fields: list[str]) -> Record:
        if len(self._record) > 1:
            return self._only_first_line()
        self.position += len(self._record[0])
        return Record(fields, _problem(fields, self._width))

    def _only_first_line(self) -> Record:
        first, *others = self._record
        self._back.extendleft(reversed(others))
        self._reader = self._fresh()
        self.position += len(first)
        return Record(
            [first.decode("utf-8", "replace").rstrip("\r\n")],
            mark("The row cannot be read. Look at its quotation marks."),
        )


def _problem(fields: list[str], width: int) -> str | None:
    if len(fields) == width or not width:
        return None
    if len(fields) > width:
        return mark("The row has more columns than the header.")
    return mark("The row has fewer columns than the header.")


@dataclass(frozen=True)
class Look:
    """The beginning of a file: its delimiter, its columns, the byte where the rows begin, some rows."""

    delimiter: str
    columns: list[str]
    start: int
    rows: list[list[str]]


def look(chunks: Iterator[bytes]) -> Look:
    """Find the delimiter and the header. Raises Invalid: no rows, too many columns."""
    head = next(chunks, b"")
    delimiter = _delimiter(head)
    records = Records(chain([head], chunks), delimiter)
    header = next(iter(records), None)
    if header is None:
        raise Invalid.field("file", mark("The file is empty."))
    if len(header.fields) > MOST_COLUMNS:
        raise Invalid.field("file", mark("The file has more than %(most)s columns."), most=MOST_COLUMNS)
    columns, start = _named(header.fields), records.position
    first = records.take(SAMPLE_ROWS)
    if not first:
        raise Invalid.field("file", mark("The file has a header but no rows."))
    return Look(delimiter, columns, start, _sample(first, records, len(columns)))


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


def _delimiter(head: bytes) -> str:
    """The one that cuts the first lines into the most columns, all alike."""
    lines = head.decode("utf-8", "replace").splitlines()[:20]
    if len(head) == CHUNK and len(lines) > 1:
        lines.pop()

    def fitness(delimiter: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            return (0, 0)
        alike = sum(1 for width in widths if width == widths[0])
        return (alike if widths and widths[0] > 1 else 0, widths[0] if widths else 0)

    return max(DELIMITERS, key=fitness)


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
