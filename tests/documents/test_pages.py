"""Charts and PDF: words outside the SVG, nothing fetched from elsewhere, Hebrew in its order."""

import html
import re
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup
from pypdf import PdfReader

from app.documents import chart, page, pdf
from app.documents.table import Column, Kind, Table

SERIES = [chart.Series("נשלחו", [10, None, 30]), chart.Series("<b>", [5, 15, Decimal("25.5")])]
DRAWN = {
    "line": lambda: chart.line("שם & title", ["1/10", "2/10", "<i>"], SERIES, locale="he"),
    "bars": lambda: chart.bars("שם & title", ["1/10", "2/10", "<i>"], SERIES, locale="he"),
    "funnel": lambda: chart.funnel("שם & title", [("קהל", 100, None), ("<i>", 40, 0.4), ("none", 0, 0.0)], locale="he"),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_well_formed_and_keeps_words_out_of_the_svg(name: str) -> None:
    drawn = DRAWN[name]()
    assert isinstance(drawn, Markup)
    root = ET.fromstring(html.unescape(str(drawn).replace("&lt;", "«").replace("&amp;", "+")))
    pictures = list(root.iter("{http://www.w3.org/2000/svg}svg")) + list(root.iter("svg"))
    assert pictures
    assert all(picture.get("width") and picture.get("height") for picture in pictures)
    assert not re.search(r"<text|style=|<script|\son\w+=", str(drawn))
    assert "<i>" not in str(drawn)
    assert "<b>" not in str(drawn)


def test_a_gap_lifts_the_pen_and_the_axis_has_round_steps() -> None:
    drawn = chart.line("t", ["a", "b", "c"], SERIES[:1], locale="en")
    assert len(re.findall(r"M[\d.]+ [\d.]+h1", drawn)) == 2
    assert re.findall(r"<span><bdi>(\d+)</bdi>", drawn) == ["30", "20", "10", "0"]


@pytest.mark.parametrize("series", [[], [chart.Series("x", [])], [chart.Series("x", [0, None])]])
def test_nothing_to_draw_is_still_a_chart(series: list[chart.Series]) -> None:
    labels = ["a", "b"] if series and series[0].values else []
    assert "<svg" in chart.line("t", labels, series, locale="en")
    assert "<svg" in chart.bars("t", labels, series, locale="en")
    assert "<li>" not in chart.funnel("t", [], locale="en")


def report(locale: str) -> str:
    table = Table(
        "זכאות",
        [Column("לקוח"), Column("יתרה", Kind.MONEY), Column("יום", Kind.DATE)],
        [("משה <כהן>", Decimal("15000.50"), date(2026, 10, 31))] * 60,
        total=("סך הכול", Decimal(900030), None),
    )
    return page.render(
        "documents/tables.html",
        locale=locale,
        title="דוח חודשי",
        organisation="בנק הדגמה",
        period="10.2026",
        facts=[("נשלחו", "45,211")],
        charts=[("Per day", DRAWN["line"]())],
        tables=[table],
        zone="Asia/Jerusalem",
    )


def test_a_page_is_escaped_and_in_its_direction() -> None:
    made = report("he")
    assert '<html lang="he" dir="rtl">' in made
    assert "משה &lt;כהן&gt;" in made


def test_a_pdf_has_pages_hebrew_and_our_font() -> None:
    made = pdf.make(report("he"))
    assert made.startswith(b"%PDF")
    pages = PdfReader(BytesIO(made)).pages
    assert len(pages) == 3
    assert "דוח חודשי" in pages[0].extract_text()
    assert "3 / 3" in pages[2].extract_text()
    fonts: Any = pages[0]["/Resources"]["/Font"]
    assert {font.get_object()["/BaseFont"].partition("+")[2].partition("-")[0] for font in fonts.values()} == {"Heebo"}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x.png",
        "https://example.com/x.png",
        "file:///etc/passwd",
        "asset:../../app/core/settings.py",
        "asset:heebo-latin.woff2/../../x",
        "picture:other.png",
        "picture.png",
    ],
)
def test_a_document_fetches_nothing_that_is_not_ours(url: str) -> None:
    with pytest.raises(pdf.NotOurs):
        pdf._content(url, {"picture.png": b"x"})
    assert pdf.make(f'<p>text</p><img src="{url}"><link rel="stylesheet" href="{url}">').startswith(b"%PDF")


def test_its_own_pictures_and_data_are_shown() -> None:
    picture = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    plain = len(pdf.make("<p>text</p>"))
    assert len(pdf.make('<p>text</p><img src="picture:a.svg">', pictures={"a.svg": picture})) > plain
    assert pdf._content("picture:a.svg", {"a.svg": picture}) == picture
