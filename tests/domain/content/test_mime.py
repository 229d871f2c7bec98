"""MIME by hand: read back with the standard library it says what was put in, and nothing can begin a header."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from uuid import UUID

import pytest

from app.core import clock
from app.domain.content.mime import bare, envelope
from app.domain.content.render import Email

ID = UUID("0192d5a0-0000-7000-8000-000000000001")
URL = "https://bank.example/u/" + "x" * 90
HTML = "<p>שלום &amp; hello 🙂</p>\n.\n..dots\n" + "long " * 3000


BANK = "Bank <news@bank.example>"


def read(email: Email, *, sender: str = BANK, to: str = "d@mail.example", url: str | None = URL) -> EmailMessage:
    with clock.at(datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)):
        raw = envelope(email, sender=sender, to=to, message_id=ID, unsubscribe_url=url)
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk()] == [[], [], []]
    return message


@pytest.mark.parametrize(
    "subject",
    [
        "Hello", "4.2% על החיסכון שלך", "Dana 🙂🙂🙂 " * 12, "a fairly long subject in plain English that has to be folded " * 3,
        "x" * 200, "=?utf-8?B?QmNjOiB4?= trick", "", "quotes \" and <angles>, commas; דנה",
    ],
)  # fmt: skip
def test_what_is_read_back_is_what_was_written(subject: str) -> None:
    message = read(Email(subject, HTML, "טקסט\n.\nplain\n"))
    assert message["Subject"] == subject.strip()
    assert message["From"].addresses[0].display_name == "Bank"
    assert message["To"] == "d@mail.example"
    assert message["Message-ID"] == f"<{ID}@bank.example>"
    assert message["Date"].datetime == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_content() == "טקסט\n.\nplain\n"
    assert html.get_content_type() == "text/html"
    assert html.get_content() == HTML


def test_marketing_can_be_left_with_one_click() -> None:
    message = read(Email("s", "h", "t"))
    assert message["List-Unsubscribe"] == f"<{URL}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read(Email("s", "h", "t"), url=None)["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("Bank <a@b.example>", "Bank", "a@b.example"),
        ('"Bank, Ltd." <a@b.example>', "Bank, Ltd.", "a@b.example"),
        ("בנק הדוגמה <a@b.example>", "בנק הדוגמה", "a@b.example"),
        ("a@b.example", "", "a@b.example"),
        ("Bank, Ltd. <a@b.example>", "Bank, Ltd.", "a@b.example"),
        ('בנק בע"מ <a@b.example>', 'בנק בע"מ', "a@b.example"),
        ('The "Bank" <a@b.example>', 'The "Bank"', "a@b.example"),
    ],
)
def test_senders_of_every_spelling(sender: str, name: str, address: str) -> None:
    found = read(Email("s", "h", "t"), sender=sender)["From"].addresses[0]
    assert (found.display_name, found.addr_spec) == (name, address)
    assert bare(sender) == address


def test_a_long_hebrew_name_is_folded_and_reads_as_one() -> None:
    sender = "בנק שיש לו שם ארוך מאוד שאינו נכנס בשורה אחת <a@b.example>"
    raw = envelope(Email("s", "h", "t"), sender=sender, to="d@mail.example", message_id=ID, unsubscribe_url=None)
    assert str(make_header(decode_header(message_from_bytes(raw)["From"]))) == sender


@pytest.mark.parametrize("sender", ["בנק", "Bank", "בנק <בנק>", "", "Bank <ä@b.example>"])
def test_a_sender_that_is_none_breaks_nothing(sender: str) -> None:
    """What was kept before senders were checked: the relay refuses it, the worker goes on."""
    assert envelope(
        Email("s", "h", "t"), sender=sender, to="d@mail.example", message_id=ID, unsubscribe_url=None
    ).isascii()


@pytest.mark.parametrize(
    "evil", [f"x{sign}Bcc: evil@x.example" for sign in ("\r\n", "\n", "\r", "\x0b", "\u2028", "\x85", "\x00")]
)
def test_nothing_begins_a_header_of_its_own(evil: str) -> None:
    message = read(Email(evil, evil, evil), sender=f"{evil} <a@b.example>", to=f"d@mail.example{evil}", url=URL + evil)
    assert message["Bcc"] is None
    assert sorted(set(message.keys())) == sorted(
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
            "Content-Type",
        ]
    )
