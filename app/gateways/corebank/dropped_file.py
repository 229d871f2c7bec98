"""A file of balances: CSV or XLSX, one record a row: external_id, date, amount, currency, record, version, as the API calls them.

`record` and `version` may be left out: a row is then its own record, of version 1. So may `account`, `account_type`,
`opened_on` and `closed_on`.
"""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook

from app.gateways.corebank.base import Broken, Record

NEEDED = ("external_id", "date", "amount", "currency")
OPTIONAL = ("record", "version", "opened_on", "account", "account_type", "closed_on")
LARGEST_SHEET = 500 * 1024 * 1024  # bytes that an XLSX may have unpacked
MOST_VERSION = 2**31


def records(content: bytes) -> Iterator[Record]:
    """The records in their order. Raises Broken: not such a file, a column is missing, a row without its customer."""
    rows = _sheet(content) if content.startswith(b"PK\x03\x04") else _lines(content)
    header = [name.strip().lower() for name in next(rows, [])]
    if missing := [name for name in NEEDED if name not in header]:
        raise Broken(f"columns are missing: {', '.join(missing)}")
    for number, row in enumerate(rows, 2):
        cells = dict(zip(header, row, strict=False))
        if any(cells.values()):
            yield _record(cells, number)


def _record(cells: Mapping[str, str], number: int) -> Record:
    said = {name: cells.get(name, "").strip() for name in (*NEEDED, *OPTIONAL)}
    version = said["version"] or "1"
    if not said["external_id"] or not said["external_id"].isprintable() or len(said["external_id"]) > 100:
        raise Broken(f"row {number}: no customer number")
    if not version.isdecimal() or len(version) > 10 or not 1 <= int(version) < MOST_VERSION:
        raise Broken(f"row {number}: the version is no number")
    whose = "-".join(filter(None, (said["external_id"], said["account"])))
    name = said["record"] or f"{whose}-{said['date']}-{version}"[:100]
    if not name.isprintable() or len(name) > 100:
        raise Broken(f"row {number}: the name of the record cannot be used")
    return Record(
        name, said["external_id"], said["date"], said["amount"], said["currency"], int(version), said["opened_on"] or None,
        said["account"], said["account_type"], said["closed_on"] or None,
    )  # fmt: skip


def _lines(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Broken("not UTF-8") from None
    if "\x00" in text:
        raise Broken("not a text file")
    try:
        yield from csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as bad:
        raise Broken(f"not CSV: {bad}") from None


def _sheet(content: bytes) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(one.file_size for one in packed.infolist()) > LARGEST_SHEET:
                raise Broken("the sheet is too large")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(value) for value in row]
    except (zipfile.BadZipFile, ParseError, LookupError, TypeError, ValueError, OSError):
        raise Broken("not an Excel file") from None


def _cell(value: object) -> str:
    """As it would be written; a day without its midnight, and no exponent."""
    if value is None:
        return ""
    if hasattr(value, "date"):
        return str(value.date().isoformat())
    return f"{value:.2f}" if isinstance(value, float) else str(value)
