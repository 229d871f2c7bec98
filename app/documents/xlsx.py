"""Excel for people: real tables, number formats, a frozen header, native charts, right to left for Hebrew."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell as Square
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.table import Table as NativeTable
from openpyxl.worksheet.table import TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from app.core import i18n
from app.documents.table import FORMULA, Cell, Column, Kind, Row, Table, clean, finite

SIGNS = {"ILS": "₪", "USD": "$", "EUR": "€", "GBP": "£"}
LONGEST_TEXT = 32_767  # UTF-16 units; a cell of Excel holds no more
WIDEST = 60
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\']")
_STYLE = TableStyleInfo(name="TableStyleLight9", showRowStripes=True)


@dataclass(frozen=True, slots=True)
class NativeChart:
    """A chart Excel draws from the sheet's own columns: their numbers, counted from 0."""

    title: str
    labels: int
    values: Sequence[int]
    kind: Literal["line", "bar"] = "bar"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: a table, and charts of it below."""

    table: Table
    charts: Sequence[NativeChart] = ()


def workbook(sheets: Sequence[Sheet], *, title: str, locale: str, zone: str | tzinfo = "UTC") -> bytes:
    """Write sheets into one workbook. For reports: exports of a hundred thousand rows go through `bulk`."""
    book = Workbook()
    book.remove(book.worksheets[0])
    book.properties.title = clean(title)
    book.properties.creator = "Carillon"
    names: set[str] = set()
    for number, sheet in enumerate(sheets, start=1):
        page = book.create_sheet(sheet_name(sheet.table.title, names))
        page.sheet_view.rightToLeft = i18n.direction(locale) == "rtl"
        _write_table(page, sheet.table, ZoneInfo(zone) if isinstance(zone, str) else zone)
        _make_table(page, sheet.table, f"Table{number}")
        _draw_charts(page, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet_name(title: str, taken: set[str]) -> str:
    """A name Excel takes, unlike those taken: at most 31 characters and none of the signs it reserves."""
    base = _NOT_IN_TITLES.sub(" ", clean(title)).strip()[:28] or "Sheet"
    name, number = base, 2
    while name.lower() in taken:
        name, number = f"{base[:26]} {number}", number + 1
    taken.add(name.lower())
    return name


def unlike(titles: Sequence[str]) -> list[str]:
    """Column titles as a real table needs them: none empty, no two alike."""
    found: list[str] = []
    for number, title in enumerate(titles, start=1):
        name = clean(title).replace("\n", " ").strip() or str(number)
        while name.lower() in (other.lower() for other in found):
            name = f"{name} ({number})"
        found.append(name)
    return found


def fitting(text: str) -> str:
    """As much of a text as a cell of Excel holds, in whole characters."""
    if len(text) * 2 <= LONGEST_TEXT:
        return text
    return text.encode("utf-16-le", "ignore")[: 2 * LONGEST_TEXT].decode("utf-16-le", "ignore")


def number_format(column: Column) -> str:
    """Excel's format of a column."""
    digits = "." + "0" * column.decimals if column.decimals else ""
    match column.kind:
        case Kind.NUMBER:
            return f"#,##0{digits}"
        case Kind.MONEY:
            return f'#,##0{digits} "{SIGNS.get(column.currency, column.currency)}"'
        case Kind.PERCENT:
            return f"0{digits}%"
        case Kind.DATE:
            return "dd/mm/yyyy"
        case Kind.MOMENT:
            return "dd/mm/yyyy hh:mm"
        case _:
            return "@"


def _write_table(page: Worksheet, table: Table, zone: tzinfo) -> None:
    for place, name in enumerate(unlike([column.title for column in table.columns]), start=1):
        square = _square(page, 1, place)
        _put_text(square, name)
        square.font = Font(bold=True)
        square.alignment = Alignment(wrap_text=True, vertical="center")
    for number, row in enumerate(table.rows, start=2):
        _write_row(page, number, table.columns, row, zone)
    if table.total is not None:
        last = len(table.rows) + 2
        _write_row(page, last, table.columns, table.total, zone)
        for place in range(1, len(table.columns) + 1):
            square = _square(page, last, place)
            square.font, square.border = Font(bold=True), Border(top=Side(style="thin"))
    if table.note:
        _put_text(_square(page, page.max_row + 2, 1), table.note)
    for place, column in enumerate(table.columns, start=1):
        page.column_dimensions[get_column_letter(place)].width = _width(column, table, place - 1)
    page.freeze_panes = "A2"


def _write_row(page: Worksheet, number: int, columns: Sequence[Column], row: Row, zone: tzinfo) -> None:
    for place, (column, value) in enumerate(zip(columns, row, strict=True), start=1):
        if value is not None:
            _put(_square(page, number, place), column, value, zone)


def _put(square: Square, column: Column, value: Cell, zone: tzinfo) -> None:
    value = finite(value)
    if isinstance(value, str):
        _put_text(square, value)
        return
    if isinstance(value, datetime):  # Excel knows no zones: the clock on the wall of the document's zone
        value = value.astimezone(zone).replace(tzinfo=None)
    square.value = value
    if column.kind is not Kind.TEXT:
        square.number_format = number_format(column)


def _put_text(square: Square, text: str) -> None:
    """Put text as text, whatever it begins with: typed as a string and marked so that editing keeps it one."""
    square.value = fitting(clean(text))
    square.data_type = "s"
    if FORMULA.match(text):
        square.quotePrefix = True


def _square(page: Worksheet, row: int, column: int) -> Square:
    square = page.cell(row, column)
    assert isinstance(square, Square)
    return square


def _width(column: Column, table: Table, place: int) -> float:
    if column.width is not None:
        return column.width
    seen = [len(str(row[place])) for row in table.rows[:200] if row[place] is not None]
    extra = {Kind.MONEY: 5, Kind.NUMBER: 2, Kind.MOMENT: 0}.get(column.kind, 0)
    longest = 16 if column.kind is Kind.MOMENT else max(seen, default=0)
    return float(min(max(longest + extra, len(column.title) + 4, 8), WIDEST))


def _make_table(page: Worksheet, table: Table, name: str) -> None:
    if not table.rows:  # Excel repairs a table without rows by dropping it
        return
    native = NativeTable(displayName=name, ref=f"A1:{get_column_letter(len(table.columns))}{len(table.rows) + 1}")
    native.tableStyleInfo = _STYLE
    page.add_table(native)


def _draw_charts(page: Worksheet, sheet: Sheet) -> None:
    if not sheet.table.rows:
        return
    last, below = len(sheet.table.rows) + 1, page.max_row + 2
    for chart in sheet.charts:
        drawn: BarChart | LineChart = LineChart() if chart.kind == "line" else BarChart()
        drawn.title = clean(chart.title)
        drawn.height, drawn.width = 8, 18
        for place in chart.values:
            column = Reference(page, min_col=place + 1, min_row=1, max_row=last)
            drawn.add_data(column, titles_from_data=True)
        drawn.set_categories(Reference(page, min_col=chart.labels + 1, min_row=2, max_row=last))
        drawn.x_axis.delete = drawn.y_axis.delete = False
        drawn.y_axis.numFmt = number_format(sheet.table.columns[chart.values[0]])
        drawn.legend = drawn.legend if len(chart.values) > 1 else None
        page.add_chart(drawn, f"A{below}")
        below += 18
