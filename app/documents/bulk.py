"""Excel for machines: an export of any length, written row by row. 100,000 x 12 in 2 to 3 s and little memory.

openpyxl needs 21 s for the same. What this gives up are real tables, charts and widths that fit.
Format: ECMA-376 SpreadsheetML, inline strings, one style per column.
"""

import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from app.core import i18n
from app.documents.table import Cell, Column, Kind, Row, clean, finite
from app.documents.xlsx import fitting, number_format, sheet_name, unlike

ROWS_PER_SHEET = 1_048_575  # besides the header
ROWS_AT_A_TIME = 500
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's calendar knows no zones
_DAY_ZERO = _EPOCH.date().toordinal()

Spell = Callable[[Cell], str]


def write(
    out: IO[bytes], columns: Sequence[Column], rows: Iterable[Row], *, title: str, locale: str, zone: str = "UTC"
) -> int:
    """Write rows into a workbook as they come; the number of rows. Beyond a million a further sheet begins."""
    names: set[str] = set()
    titles: list[str] = []
    count, waiting = 0, _Peek(rows)
    spells = [_spell(column, place, ZoneInfo(zone)) for place, column in enumerate(columns, start=1)]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        while waiting.more or not titles:
            titles.append(sheet_name(title, names))
            with archive.open(f"xl/worksheets/sheet{len(titles)}.xml", "w", force_zip64=True) as sheet:
                sheet.write(_head(columns, locale).encode())
                count += _write_rows(sheet, islice(waiting, ROWS_PER_SHEET), spells)
                sheet.write(b"</sheetData></worksheet>")
        for path, content in _frame(titles, columns):
            archive.writestr(path, content)
    return count


class _Peek:
    """Rows, and whether there is another."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._ahead: list[Row] = []

    @property
    def more(self) -> bool:
        if not self._ahead:
            self._ahead = list(islice(self._rows, 1))
        return bool(self._ahead)

    def __iter__(self) -> Iterator[Row]:
        ahead, self._ahead = self._ahead, []
        return chain(ahead, self._rows)


def _write_rows(sheet: IO[bytes], rows: Iterator[Row], spells: Sequence[Spell]) -> int:
    count, lines = 0, []
    for row in rows:
        cells = [spell(value) for spell, value in zip(spells, row, strict=True)]
        lines.append(f"<row>{''.join(cells)}</row>")
        count += 1
        if len(lines) == ROWS_AT_A_TIME:
            sheet.write("".join(lines).encode())
            lines.clear()
    sheet.write("".join(lines).encode())
    return count


def _spell(column: Column, style: int, zone: tzinfo) -> Spell:
    """A function that writes one cell of a column: what a value is, and not its column, decides how it is typed."""
    writers = _writers(style, zone)

    def spell(value: Cell) -> str:
        return writers.get(type(value), _unknown)(value)

    return spell


def _writers(style: int, zone: tzinfo) -> dict[type, Callable[[Any], str]]:
    number = f'<c s="{style}"><v>'
    return {
        str: lambda value: _text(value, style),
        type(None): lambda value: "<c/>",
        bool: lambda value: f'<c t="b"><v>{int(value)}</v></c>',
        int: lambda value: f"{number}{value}</v></c>",
        float: lambda value: "<c/>" if finite(value) is None else f"{number}{value}</v></c>",
        Decimal: lambda value: "<c/>" if finite(value) is None else f"{number}{value}</v></c>",
        datetime: lambda value: f"{number}{_since_epoch(value, zone):.9f}</v></c>",
        date: lambda value: f"{number}{value.toordinal() - _DAY_ZERO}</v></c>",
    }


def _since_epoch(value: datetime, zone: tzinfo) -> float:
    since = value.astimezone(zone).replace(tzinfo=None) - _EPOCH
    return since.days + since.seconds / 86400


def _unknown(value: Cell) -> str:
    raise TypeError(f"a cell cannot hold {type(value).__name__}")


def _text(value: str, style: int) -> str:
    """Text as an inline string, which is never a formula; cut before it is escaped, or an entity would be cut in two."""
    value = fitting(value)
    if not value.isalnum():
        value = escape(clean(value))
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def _head(columns: Sequence[Column], locale: str) -> str:
    right_to_left = ' rightToLeft="1"' if i18n.direction(locale) == "rtl" else ""
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{column.width or max(14, len(column.title) + 2)}" customWidth="1"/>'
        for n, column in enumerate(columns, start=1)
    )
    bold = len(columns) + 1
    titles = "".join(_text(title, bold) for title in unlike([column.title for column in columns]))
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet {_MAIN}><sheetViews>'
        f'<sheetView workbookViewId="0"{right_to_left}><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" '
        f'state="frozen"/></sheetView></sheetViews><cols>{widths}</cols><sheetData><row>{titles}</row>'
    )


def _frame(titles: Sequence[str], columns: Sequence[Column]) -> Iterator[tuple[str, str]]:
    """The files around the sheets."""
    numbers = range(1, len(titles) + 1)
    xml = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    sheets = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{n}" r:id="rId{n}"/>'
        for n, title in zip(numbers, titles, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    parts = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_SHEET_TYPE}.worksheet+xml"/>' for n in numbers
    )
    yield "xl/workbook.xml", f'{xml}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
    yield (
        "xl/_rels/workbook.xml.rels",
        (
            f'{xml}<Relationships xmlns="{_PACKAGE}/relationships">{links}'
            f'<Relationship Id="styles" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
        ),
    )
    yield "xl/styles.xml", xml + _styles(columns)
    yield (
        "_rels/.rels",
        (
            f'{xml}<Relationships xmlns="{_PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
    )
    yield (
        "[Content_Types].xml",
        (
            f'{xml}<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET_TYPE}.styles+xml"/>{parts}</Types>'
        ),
    )


def _styles(columns: Sequence[Column]) -> str:
    """Style 0 is plain, 1 to n are the columns', n + 1 is the header's. Text keeps a leading = when it is edited."""
    formats = "".join(
        f'<numFmt numFmtId="{200 + n}" formatCode={quoteattr(number_format(column))}/>'
        for n, column in enumerate(columns)
    )
    styles = "".join(
        f'<xf numFmtId="{200 + n}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"'
        + (' quotePrefix="1"/>' if column.kind is Kind.TEXT else "/>")
        for n, column in enumerate(columns)
    )
    font = '<sz val="11"/><name val="Calibri"/>'
    return (
        f'<styleSheet {_MAIN}><numFmts count="{len(columns)}">{formats}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(columns) + 2}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>{styles}'
        '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )
