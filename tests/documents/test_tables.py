"""Excel and CSV: typed values, harmless text, both directions."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from openpyxl import Workbook

from app.documents import bulk, csv, xlsx
from app.documents.table import Column, Kind, Row, Table, spell
from tests import cpu

COLUMNS = [
    Column("שם"),
    Column("Balance", Kind.MONEY),
    Column("Share", Kind.PERCENT),
    Column("Count", Kind.NUMBER),
    Column("Day", Kind.DATE),
    Column("At", Kind.MOMENT),
]
AT = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)
ROWS: list[Row] = [
    ("משה כהן", Decimal("15000.50"), 0.25, -7, date(2026, 10, 31), AT),
    ("=1+1", None, float("nan"), 45211, None, None),
    ("+97252", Decimal(-1), 1, 0, None, None),
    ("-2", None, None, None, None, None),
    ("@SUM(A1)", None, None, None, None, None),
    ("\t=1", None, None, None, None, None),
    ("bell\x07 & <b>", None, None, None, None, None),
]


def report(table: Table, locale: str) -> Workbook:
    sheet = xlsx.Sheet(table, [xlsx.NativeChart("Balance", labels=0, values=[1], kind="line")])
    made = xlsx.workbook([sheet, sheet], title="Report", locale=locale, zone="Asia/Jerusalem")
    return openpyxl.load_workbook(io.BytesIO(made))


def export(table: Table, locale: str) -> Workbook:
    out = io.BytesIO()
    count = bulk.write(out, table.columns, table.rows, title=table.title, locale=locale, zone="Asia/Jerusalem")
    assert count == len(table.rows)
    return openpyxl.load_workbook(out)


@pytest.mark.parametrize("make", [report, export])
def test_values_keep_their_types_and_text_never_runs(make: Callable[[Table, str], Workbook]) -> None:
    page = make(Table("Q: 1/2", COLUMNS, ROWS), "he").worksheets[0]
    assert page.title == "Q  1 2"
    assert page.sheet_view.rightToLeft
    assert page.freeze_panes == "A2"
    cells = list(page.iter_rows())
    assert [cell.value for cell in cells[0]] == ["שם", "Balance", "Share", "Count", "Day", "At"]
    assert [cell.value for cell in cells[1]][:4] == ["משה כהן", 15000.5, 0.25, -7]
    assert isinstance(cells[1][3].value, int)
    assert str(cells[1][4].value) == "2026-10-31 00:00:00"
    assert str(cells[1][5].value) == "2026-11-01 00:30:00"  # in the zone of the document
    assert cells[1][1].number_format == '#,##0.00 "₪"'
    assert cells[2][2].value is None
    assert [row[0].value for row in cells[2:7]] == ["=1+1", "+97252", "-2", "@SUM(A1)", "\t=1"]
    assert all(row[0].data_type in ("s", "inlineStr") and row[0].quotePrefix for row in cells[2:7])
    assert cells[7][0].value == "bell & <b>"


def test_a_report_has_real_tables_and_native_charts() -> None:
    columns = [Column("A"), Column("A", Kind.NUMBER), Column("")]
    table = Table("Same name", columns, [("x", 1, None)], total=("All", 1, None), note="=note")
    book = report(table, "en")
    first, second = book.worksheets
    assert (first.title, second.title) == ("Same name", "Same name 2")
    assert not first.sheet_view.rightToLeft
    assert first.tables["Table1"].ref == "A1:C2"
    assert list(second.tables) == ["Table2"]
    assert [cell.value for cell in first[1]] == ["A", "A (2)", "3"]
    assert first["A3"].value == "All"
    assert first["A5"].data_type == "s"
    assert len(first._charts) == 1


@pytest.mark.parametrize("make", [report, export])
def test_a_table_without_rows_opens(make: Callable[[Table, str], Workbook]) -> None:
    page = make(Table("", COLUMNS, []), "en").worksheets[0]
    assert page.title == "Sheet"
    assert page.max_row == 1


def test_a_long_export_is_quick_and_goes_on_in_a_second_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ROWS_PER_SHEET", 1000)
    out = io.BytesIO()
    with cpu.at_most(2):
        assert bulk.write(out, COLUMNS, (ROWS[0] for _ in range(2500)), title="Long", locale="en") == 2500
    assert [page.max_row for page in openpyxl.load_workbook(out).worksheets] == [1001, 1001, 501]


def test_csv_is_for_excel_and_for_machines() -> None:
    made = csv.write(Table("T", COLUMNS, ROWS))
    assert made.startswith(b"\xef\xbb\xbf")
    lines = made.decode("utf-8-sig").splitlines()
    assert lines[1] == "משה כהן,15000.50,0.25,-7,2026-10-31,2026-10-31T22:30:00Z"
    assert lines[2:6] == ["'=1+1,,,45211,,", "'+97252,-1,1,0,,", "-2,,,,,", "'@SUM(A1),,,,,"]
    assert csv.write(Table("T", COLUMNS, ROWS), bom=False).startswith("שם".encode())


@pytest.mark.parametrize(
    ("value", "column", "english", "hebrew"),
    [
        (Decimal("1234.5"), Column("", Kind.MONEY), "₪1,234.50", "\u200f1,234.50\xa0\u200f₪"),
        (0.984, Column("", Kind.PERCENT), "98.4%", "98.4%"),
        (45211, Column("", Kind.NUMBER), "45,211", "45,211"),
        (date(2026, 11, 22), Column("", Kind.DATE), "22/11/2026", "22.11.2026"),
        (None, Column("", Kind.NUMBER), "", ""),
        ("x", Column(""), "x", "x"),
    ],
)
def test_values_are_spelt_by_language(value: object, column: Column, english: str, hebrew: str) -> None:
    assert spell(value, column, "en").replace("\u200e", "") == english  # type: ignore[arg-type]
    assert spell(value, column, "he") == hebrew  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["=1", " =1", "\n=1", "\r\n+1", "\t@x", "-", "＝1", "'=1", "-1+1"])
def test_what_would_run_gets_an_apostrophe_which_is_taken_off_again(text: str) -> None:
    assert csv.harmless(text) == f"'{text}"
    assert csv.bare(csv.harmless(text)) == text


@pytest.mark.parametrize("text", ["-500", "-1,234.50", "O'Brien", "'s", "a=b", "'", ""])
def test_what_cannot_run_stays_as_it_is(text: str) -> None:
    assert csv.harmless(text) == csv.bare(text) == text


@pytest.mark.parametrize("make", [report, export])
@pytest.mark.parametrize("text", ["&" * 40_000, "😀" * 20_000, "\n=1"])
def test_long_and_dangerous_texts_make_a_workbook_that_opens(make: Callable[[Table, str], Workbook], text: str) -> None:
    cell = make(Table("T", [Column("A"), Column("B")], [(text, 1)]), "en").worksheets[0]["A2"]
    assert text.startswith(str(cell.value))
    assert len(str(cell.value).encode("utf-16-le")) >= min(len(text.encode("utf-16-le")), 2 * 32_766)
    assert cell.quotePrefix or not text.startswith("\n")
