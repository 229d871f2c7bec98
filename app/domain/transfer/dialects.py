"""How a file is written: its encoding, its ends of lines, its delimiter, and what makes it no file of rows."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal, get_args

from app.core.errors import Invalid, mark

CHUNK = 1 << 20
LONGEST_LINE = 1 << 20
MOST_BLANK = 500_000  # rows; each costs time before the first person is seen
Delimiter = Literal[",", ";", "\t", "|"]
DELIMITERS: tuple[str, ...] = get_args(Delimiter)
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
_BETWEEN = b' \t\r,;|"'
# Words tell code pages apart: the bytes of é and ט are one, but no Hebrew word has Latin letters around it.
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_PAGES = (
    ("windows-1255", re.compile(rb"[\xc0-\xd3\xd7\xd8\xe0-\xfa]{2,}")),
    ("windows-1252", re.compile(rb"(?=.*[A-Za-z])[A-Za-z\xc0-\xff]+")),
    ("cp862", re.compile(rb"[\x80-\x9a]{2,}")),  # Hebrew of DOS, which mainframes still write
)
_SHEQEL = b"\xa4"  # in windows-1255
_NAMED_DELIMITER = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=([^\r\n"])"?[\t ,;|]*\r?\n', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `line_ends` is a carriage return only for files of old Macs."""

    encoding: str
    line_ends: str = "\n"


def dialect_of(source: IO[bytes]) -> Dialect:
    """Look at the whole file once; how it is written. Raises Invalid when it is not text in rows."""
    source.seek(0)
    head = source.read(CHUNK)
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
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-8" if _is_utf8(source) else _decodable(source, _code_page(source))


def _decodable(source: IO[bytes], encoding: str) -> str:
    source.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := source.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        raise Invalid.field(
            "file", mark("The letters of this file cannot be read. Save it as “CSV UTF-8” and upload it again.")
        ) from None
    return encoding


def _is_utf8(source: IO[bytes]) -> bool:
    """Also with some bad bytes: text of another encoding makes a letter of UTF-8 by chance only."""
    source.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    letters = bad = 0
    more = True
    while more:
        chunk = source.read(CHUNK)
        more = bool(chunk)
        text = decoder.decode(chunk, final=not more)
        if not text.isascii():
            readable = len(text.encode("utf-8", "ignore").decode())
            bad += len(text) - readable
            letters += readable - len(text.encode("ascii", "ignore"))
    return bad <= letters


def _code_page(source: IO[bytes]) -> str:
    """The code page whose whole words the file has the most of."""
    source.seek(0)
    words: list[bytes] = []
    has_sheqel = False
    while (chunk := source.read(CHUNK)) and len(words) < CHUNK // 16:
        if not chunk.isascii():
            words += _WORD.findall(chunk)
            has_sheqel = has_sheqel or _SHEQEL in chunk
    found = {page: sum(1 for word in words if fits.fullmatch(word)) for page, fits in _PAGES}
    best = max(found, key=lambda page: found[page])
    if found[best]:
        return best
    return "windows-1255" if has_sheqel else "windows-1252"


def _check_lines(source: IO[bytes], dialect: Dialect) -> None:
    """No NUL, no line over a megabyte, few blank rows: all else would fill the memory, or hold up whoever waits.

    Counted by whole megabytes, never line by line: 60 MB of newlines take a fifth of a second.
    """
    length = blank = 0
    is_empty = True
    clear = Utf8(source, dialect)
    while chunk := clear.read(CHUNK):
        if b"\x00" in chunk:
            raise Invalid.field("file", mark("The file has NUL characters in it: it is damaged, or not a text file."))
        first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
        if length + (first if first >= 0 else len(chunk)) > LONGEST_LINE:
            raise Invalid.field(
                "file", mark("A line of this file is longer than 1 MB. Check that it has one row a line.")
            )
        length = len(chunk) - last - 1 if first >= 0 else length + len(chunk)
        written = len(chunk.translate(None, _BETWEEN).split())
        is_empty = is_empty and not written
        blank += max(chunk.count(b"\n") - written, 0)
        if blank > MOST_BLANK:
            sentence = mark("More than %(most)s rows of this file are blank. Delete them and upload it again.")
            raise Invalid.field("file", sentence, most=f"{MOST_BLANK:,}")
    if is_empty:
        raise Invalid.field("file", mark("The file is empty."))


class Utf8:
    """A file read as UTF-8 with plain line ends, whatever it is written in; `size` is what was read so far.

    A byte that is no letter becomes U+FFFD, by which its row is known for a bad one.
    """

    def __init__(self, source: IO[bytes], dialect: Dialect) -> None:
        source.seek(0)
        self._source = source
        plain = dialect == Dialect("utf-8")
        self._decoder = None if plain else codecs.getincrementaldecoder(dialect.encoding)("replace")
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

    def chunks(self) -> Iterator[bytes]:
        """The rest of it, a megabyte at a time."""
        return iter(lambda: self.read(CHUNK), b"")


def named_delimiter(head: bytes) -> tuple[str, int]:
    """The delimiter that a first line such as `sep=;` names, and the byte after that line; nothing and 0 without one."""
    found = _NAMED_DELIMITER.match(head)
    return (found.group(1).decode("ascii", "replace"), found.end()) if found else ("", 0)


def guessed_delimiter(head: bytes) -> str:
    """The one that stands in the same places of the most of the first lines; empty cells at the ends of rows do not count."""
    lines = head.decode("utf-8", "replace").splitlines()[:20]
    if len(head) == CHUNK and len(lines) > 1:
        lines.pop()

    def fitness(delimiter: str) -> int:
        try:
            widths = [_width(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
        except csv.Error:
            return 0
        widths = [width for width in widths if width]
        return sum(width == widths[0] for width in widths) * (widths[0] - 1) if widths else 0

    return max(DELIMITERS, key=fitness)


def _width(row: list[str]) -> int:
    """How many cells, without the empty ones at the end."""
    return next((place for place in range(len(row), 0, -1) if row[place - 1].strip()), 0)
