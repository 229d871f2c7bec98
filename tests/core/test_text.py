"""Phones, addresses, settings and links: what is taken and what is refused."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import phonenumbers
import pytest

from app.core import phone, text
from app.core.links import Links, Target
from app.core.settings import BadSetting, Settings


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("052-2345678", "+972522345678"),
        ("+972 52-234-5678", "+972522345678"),
        ("972522345678", "+972522345678"),
        ("+972 52-1234567", None),  # looks right, is not a number that was given out
        ("+44 20 7946 0958", "+442079460958"),
        ("03-6123456", "+97236123456"),
        ("hello", None),
        ("", None),
        ("+9725223456789", None),
        ("٠٥٢٢٣٤٥٦٧٨", "+972522345678"),
    ],
)
def test_phones(given: str, expected: str | None) -> None:
    assert phone.parse(given) == expected


@pytest.mark.parametrize("n", range(2000000, 2045212, 997))
def test_the_fast_path_agrees_with_the_library(n: int) -> None:
    number = phonenumbers.parse(f"+97252{n}")
    assert (phone.parse(f"052{n}") is not None) == phonenumbers.is_valid_number(number)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (" Dana@Mail.Example ", "dana@mail.example"),
        ("dana@בנק.example", "dana@xn--5db4av.example"),
        ("a@b", None),
        ("a b@c.example", None),
        ("a@b.example\nBcc: x@y.example", None),
        ("a..b@c.example", None),
        ("@c.example", None),
        ("a@c.example,b@c.example", None),
    ],
)
def test_addresses(given: str, expected: str | None) -> None:
    assert text.email(given) == expected


def test_links_cannot_be_made_up(tmp_path: Path) -> None:
    settings = Settings("postgresql+psycopg://x", "redis://x", tmp_path, b"k" * 32)
    links, target = Links(settings), Target("c", uuid4(), uuid4(), uuid4(), 3)
    token = links.token(target)
    assert links.read(token, "c") == target
    assert links.read(token, "u") is None
    assert links.read(token[:-2] + ("AA" if not token.endswith("AA") else "BB"), "c") is None
    assert Links(replace(settings, master_key=b"j" * 32)).read(token, "c") is None
    assert links.read("not a token", "c") is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://x", "DATABASE_URL"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("CARILLON_ENVIRONMENT", "prod", "CARILLON_ENVIRONMENT"),
        ("CARILLON_MASTER_KEY_FILE", "/nowhere", "CARILLON_MASTER_KEY_FILE"),
        ("CARILLON_BASE_URL", "bank.example", "CARILLON_BASE_URL"),
    ],
)
def test_a_bad_setting_names_itself(tmp_path: Path, name: str, value: str, said: str) -> None:
    key = tmp_path / "key"
    key.write_text("ab" * 32)
    env = {
        "DATABASE_URL": "postgres://x",
        "REDIS_URL": "redis://x",
        "CARILLON_DATA": str(tmp_path),
        "CARILLON_ENVIRONMENT": "test",
        "CARILLON_MASTER_KEY_FILE": str(key),
    }
    assert Settings.from_env(env).database_url == "postgresql+psycopg://x"
    with pytest.raises(BadSetting, match=said):
        Settings.from_env(env | {name: value})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dana@straße.example", "dana@xn--strae-oqa.example"),
        ("dana@βόλος.example", "dana@xn--nxasmm1c.example"),
        ("Dana＠Mail.Example", "dana@mail.example"),
        ("da\u00adna@ma\u200bil.example\u200f", "dana@mail.example"),
        ("dana@-.בנק", None),
    ],
)
def test_domains_are_those_of_today(given: str, expected: str | None) -> None:
    assert text.email(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("\u200ff7\u200f", "f7"),
        ("f\u20697\u00ad", "f7"),
        ("\ufeffחיפה\u200f", "חיפה"),
        ("Da\u200dna", "Dana"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
    ],
)
def test_unseen_characters_are_taken_off_and_joiners_stay_where_they_join(given: str, expected: str) -> None:
    assert text.clean(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Dana", "dana"),
        (" Anna-Maria  O'Hara ", "anna maria ohara"),
        ("STRASSE", text.folded("Straße")),
        ("José", "josé"),
        ("Jose\u0301", "josé"),
        ("Ｄａｎａ", "dana"),
        ("שָׁלוֹם", "שלומ"),
        ("כהן־לוי", "כהנ לוי"),
        ("צ'רלי", "צרלי"),
        ("צ׳רלי", "צרלי"),
        ("رنا\u200f", "رنا"),
        ("दीपिका", "दीपिका"),
        ("می\u200cنا", "مینا"),
        ("–!%", ""),
        ("", ""),
    ],
)
def test_names_are_compared_without_capitals_points_and_final_letters(given: str, expected: str) -> None:
    assert text.folded(given) == expected
    assert text.folded(expected) == expected
