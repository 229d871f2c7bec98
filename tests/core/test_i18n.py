"""Numbers, money and dates as people of each language write them, and catalogues compiled from .po."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.core import i18n

MOMENT = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
HEBREW = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Not “%(what)s”."
msgstr "לא „%(what)s”."

msgid "One row"
msgid_plural "%(num)s rows"
msgstr[0] "שורה אחת"
msgstr[1] "%(num)s שורות"
"""


def plain(text: str) -> str:
    """The text without marks of direction and with ordinary spaces."""
    return text.replace("\u200f", "").replace("\u200e", "").replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("locale", "language"), [("he", "he"), ("he_IL", "he"), ("he-IL", "he"), ("fr", "en"), ("", "en")]
)
def test_a_locale_has_a_language(locale: str, language: str) -> None:
    assert i18n.language(locale) == language


def test_numbers() -> None:
    assert i18n.number(48213, "en") == "48,213"
    assert i18n.number(Decimal("1234.5"), "he", 2) == "1,234.50"
    assert i18n.percent(0.9841, "en") == "98.4%"


def test_money() -> None:
    assert i18n.money(Decimal("12345.6"), "ILS", "en") == "₪12,345.60"
    assert plain(i18n.money(Decimal("12345.6"), "ILS", "he")) == "12,345.60 ₪"


def test_dates() -> None:
    assert i18n.day(date(2026, 11, 22), "en") == "22/11/2026"
    assert i18n.day(date(2026, 11, 22), "he") == "22.11.2026"
    assert i18n.day(date(2026, 11, 22), "he", "long") == "22 בנובמבר 2026"
    assert i18n.moment(MOMENT, "en", "Asia/Jerusalem") == "23/11/2026, 00:30"
    assert i18n.from_now(i18n.seconds_from(MOMENT, MOMENT.replace(day=23)), "en") == "1 day ago"


def test_a_catalogue_is_compiled_from_its_po_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "he" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.po").write_text(HEBREW)
    monkeypatch.setattr(i18n, "FOLDER", tmp_path)
    i18n._catalogue.cache_clear()
    assert i18n.translator("he_IL").ngettext("One row", "%(num)s rows", 3) == "%(num)s שורות"
    assert i18n.say("Not “%(what)s”.", {"what": "א"}, "he") == "לא „א”."
    assert i18n.say("Not “%(what)s”.", {"what": "א"}, "en") == "Not “א”."
    i18n._catalogue.cache_clear()


def test_a_name_in_quotation_marks_keeps_its_own_direction_in_hebrew() -> None:
    message, values = "move to “%(step)s”", {"step": "Welcome (2)"}
    assert i18n.say(message, values, "he") == "עוברים אל “\u2068Welcome (2)\u2069”"
    assert i18n.say(message, values, "en") == "move to “Welcome (2)”"


@pytest.mark.parametrize("locale", ["en", "he"])
def test_no_words_are_no_words_in_every_language(locale: str) -> None:
    """A catalogue keeps its own head under the empty message: it stood on the Hebrew page of approvals."""
    assert i18n.translator(locale).gettext("") == ""
    assert i18n.translator(locale).ugettext("") == ""
