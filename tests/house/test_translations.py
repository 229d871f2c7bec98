"""Every message of the product stands in Hebrew, with the same places."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "app/translations/he/LC_MESSAGES/messages.po"
PLACES = re.compile(r"%\(\w+\)s|%%")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every message the sources and the templates hold."""
    target = tmp_path_factory.mktemp("messages") / "messages.pot"
    words = [
        "extract",
        "-q",
        "-F",
        "app/translations/babel.cfg",
        "-k",
        "mark",
        "-k",
        "_l",
        "-k",
        "lazy_gettext",
        "-o",
        str(target),
        ".",
    ]
    extract = "from babel.messages.frontend import main; main()"
    subprocess.run([sys.executable, "-c", extract, *words[:1], *words[2:]], cwd=ROOT, check=True, capture_output=True)
    with target.open("rb") as source:
        return read_po(source)


@pytest.fixture(scope="module")
def hebrew() -> Catalog:
    with CATALOGUE.open("rb") as source:
        return read_po(source, locale="he")


def test_every_message_is_translated(used: Catalog, hebrew: Catalog) -> None:
    missing = []
    for message in used:
        if not message.id:
            continue
        found = hebrew.get(message.id)
        said = found.string if found else ""
        if not (all(said) if isinstance(said, tuple) else said):
            missing.append(message.id)
    assert missing == []


def test_every_translation_keeps_its_places(hebrew: Catalog) -> None:
    for message in hebrew:
        if isinstance(message.id, str) and message.id:
            assert sorted(PLACES.findall(message.id)) == sorted(PLACES.findall(str(message.string))), message.id


@pytest.mark.parametrize(
    ("english", "hebrew_word", "never"),
    [(r"\bsteps?\b(?<!Two-step)", "צעד", "שלב"), (r"\bsegments?\b", "פילוח", "פלח"), (r"\bflows?\b", "מסע", "תהליך")],
)
def test_one_thing_has_one_word(hebrew: Catalog, english: str, hebrew_word: str, never: str) -> None:
    for message in hebrew:
        said = (str(message.id), str(message.string))
        if re.search(english, said[0], re.IGNORECASE) and never in said[1]:
            pytest.fail(f"{said[0]}: {never} where the others say {hebrew_word}")


def test_the_pages_speak_it() -> None:
    """The catalogue reaches the templates: Flask-Babel quietly speaks English when it does not find one."""
    from flask import Flask, render_template_string

    from app.web import locale

    app = Flask("words")
    app.secret_key = "words"
    locale.init_app(app)
    with app.test_request_context("/", headers={"Cookie": "carillon_locale=he"}):
        assert render_template_string("{{ _('Contacts') }}") == "אנשי קשר"


def test_nothing_is_translated_that_nobody_says(used: Catalog, hebrew: Catalog) -> None:
    left = [message.id for message in hebrew if message.id and used.get(message.id) is None]
    assert left == []


def test_every_entry_has_one_translation_and_the_file_ends_with_a_line() -> None:
    words = CATALOGUE.read_text()
    assert words.endswith("\n"), "the next entry would be glued to the last"
    assert re.findall(r'^msgstr ".*"\n(?:".*"\n)*msgstr .*', words, re.MULTILINE) == []
