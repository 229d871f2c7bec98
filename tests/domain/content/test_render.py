"""Rendering: the fast way says what Liquid says, missing values never raise, e-mails get their links."""

import itertools
import random
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from app.domain.content.compile import compile_email
from app.domain.content.gallery import STARTS
from app.domain.content.render import Prepared, TemplateError, Text, prepared
from app.domain.content.sandbox import parse

VALUES: list[Any] = [
    None, "", " ", "Dana", "דנה", "<b>&\"'", 0, 7, 7.5, True, False, [], ["a", "<b>"], {}, {"x": 1}, "{{ contact.city }}",
]  # fmt: skip
PLAIN = [
    "Hello {{ contact.first_name }}",
    '{{ contact.first_name | default: "customer" }}, {{ organisation.name }}',
    "{{- contact.first_name -}} {{ contact.properties.tier | default: 'none & <b>' }}",
    "{{ contact.properties.tier }}{{ contact.nothing.at.all }}{{ contact['first_name'] }}",
    "{{ nothing }}|{{ nothing | default: 'x' }}|{{ contact.first_name.inside }}",
]
KNOWN = (
    "contact.first_name", "contact.last_name", "contact.city", "contact.gender", "contact.properties.tier",
    "contact.properties.amount", "contact.properties.products", "organisation.name", "campaign.name", "unsubscribe_url",
)  # fmt: skip
FILTERS = (
    "default: 'x'", "upcase", "capitalize", "money", "money: 'USD'", "number", "number: 2", "date", "date: 'long'",
    "date: '%d/%m/%Y'", "append: '!'", "size", "first", "last", "join: ', '", "truncate: 5", "strip", "escape", "newline_to_br",
    "url_encode", "split: ' '", "plus: 1", "times: 2", "round", "sort", "uniq", "reverse", "compact",
    "slice: 0, 2", "replace: 'a', 'b'",
)  # fmt: skip

MISSING: list[dict[str, Any]] = [
    {},
    {"contact": {}},
    {"contact": {"properties": {}}},
    {"contact": {"first_name": None, "city": "", "properties": {"tier": None, "amount": None, "products": []}}},
]


def version_of(
    texts: dict[str, dict[str, str]], channel: str, message_class: str = "marketing", fallback: str = "en"
) -> Any:
    """A version as the library would make it, without a database."""
    compiled = {}
    if channel == "email":
        for language, said in texts.items():
            preheader = said.get("preheader", "")
            compiled[language] = compile_email(said["body"], message_class, preheader=preheader, language=language)
    return SimpleNamespace(id=uuid4(), texts=texts, compiled=compiled, fallback_language=fallback)


def link(kind: str, number: int) -> str:
    return f"https://b.example/{kind}/{number}"


@pytest.mark.parametrize("html", [False, True], ids=["plain", "html"])
@pytest.mark.parametrize("source", PLAIN)
def test_the_fast_way_says_what_liquid_says(source: str, html: bool) -> None:
    text = Text(source, html=html)
    assert text.is_flat
    slow = parse(source, html=html)
    for first, tier in itertools.product(VALUES, VALUES):
        data = {"contact": {"first_name": first, "properties": {"tier": tier}}, "organisation": {"name": "A & B"}}
        assert text.render(data) == slow.render(data)


@pytest.mark.parametrize("seed", range(60))
def test_rendering_never_raises_for_known_variables_without_a_value(seed: int) -> None:
    chance = random.Random(seed)
    pieces = []
    for _ in range(12):
        name, filters = chance.choice(KNOWN), chance.sample(FILTERS, chance.randrange(3))
        printed = " | ".join([name, *filters])
        pieces.append(
            chance.choice(
                [
                    f"{{{{ {printed} }}}}",
                    f"{{% if {name} %}}{{{{ {printed} }}}}{{% else %}}-{{% endif %}}",
                    f"{{% unless {name} == 'a' %}}x{{% endunless %}}",
                    f"{{% for one in {name} %}}{{{{ one }}}}{{% endfor %}}",
                    f"{{% case {name} %}}{{% when 'a' %}}x{{% else %}}y{{% endcase %}}",
                    f"{{% assign it = {printed} %}}{{{{ it }}}}",
                ]
            )
        )
    source = "".join(pieces)
    for html in (False, True):
        text = Text(source, html=html, language="he")
        for data in MISSING:
            text.render(data)


@pytest.mark.parametrize(
    ("source", "english", "hebrew"),
    [
        ("{{ 15000 | money }}", "₪15,000.00", "15,000.00 ₪"),
        ("{{ '1234.5' | money: 'USD' }}", "US$1,234.50", "1,234.50 $"),
        ("{{ 1234567.5 | number }}", "1,234,567.5", "1,234,567.5"),
        ("{{ 2.5 | number: 2 }}", "2.50", "2.50"),
        ("{{ '2026-03-04' | date: '%d/%m/%Y' }}", "04/03/2026", "04/03/2026"),
        ("{{ '2026-03-04' | date: '%e %B' }}", "4 March", "4 מרץ"),
        ("{{ '2026-03-04' | date: 'long' }}", "4 March 2026", "4 במרץ 2026"),
        ("{{ 'no date' | date }}{{ 'no money' | money }}{{ x | money }}", "no dateno money", "no dateno money"),
        ("{% for p in l %}{{ p }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "a, b", "a, b"),
    ],
)
def test_amounts_and_dates_speak_the_language_of_the_text(source: str, english: str, hebrew: str) -> None:
    assert Text(source, language="en").render({"l": ["a", "b"]}) == english
    assert Text(source, language="he").render({"l": ["a", "b"]}) == hebrew


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("one\n{{ contact.first_name", "Line 2: “{{” is not closed"),
        ("one\ntwo\n{% if contact.city %}x", "Line 3"),
        ("{% endif %}", "Line 1"),
        ("a\n{{ contact.city | nothing_such }}", "Line 2"),
        ("a\n{% frobnicate %}", "Line 2"),
        ("{{ contact.city | money: 'x' }}", "x is not a currency"),
    ],
)
def test_errors_name_the_line_and_the_reason(source: str, words: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Text(source).render({"contact": {"city": "1"}})
    assert words in str(refused.value)


def test_a_contact_gets_his_language_or_the_fallback() -> None:
    made = Prepared(version_of({"en": {"body": "Hello"}, "he": {"body": "שלום"}}, "sms", fallback="he"), "sms")
    asked = ["en", "he", "en-GB", "he_IL", "fr", "", None]
    assert [made.language_for(wanted) for wanted in asked] == ["en", "he", "en", "he", "he", "he", "he"]


def test_a_version_is_compiled_once_in_a_process() -> None:
    version = version_of({"en": {"body": "Hello"}}, "sms")
    assert prepared(version, "sms") is prepared(SimpleNamespace(**vars(version)), "sms")  # type: ignore[arg-type]


@pytest.mark.parametrize("start", [key for key, new in STARTS.items() if new.channel == "email"])
@pytest.mark.parametrize("language", ["en", "he"])
def test_the_examples_become_mails(start: str, language: str) -> None:
    new = STARTS[start]
    texts = {name: said.model_dump() for name, said in new.texts.items()}
    made = Prepared(version_of(texts, "email", new.message_class), "email")
    data = {
        "contact": {"first_name": "<Dana>", "properties": {}},
        "organisation": {"name": "Bank"},
        "campaign": {"name": "x"},
    }
    email = made.email(language, data, link)
    tracked = new.message_class == "marketing"
    assert "<Dana>" in email.subject + email.text
    assert "&lt;Dana&gt;" in email.html
    assert "<Dana>" not in email.html
    assert ("https://b.example/c/0" in email.html) == tracked
    assert ("https://b.example/o/0" in email.html) == tracked
    assert ("https://b.example/u/0" in email.html) == ("https://b.example/u/0" in email.text) == tracked
    assert "\x02" not in email.html + email.text
    assert "{{" not in email.html + email.text + email.subject
    assert f'dir="{"rtl" if language == "he" else "ltr"}"' in email.html


def test_a_subject_is_one_line() -> None:
    made = Prepared(version_of({"en": {"subject": "Hi {{ contact.first_name }}", "body": "x"}}, "email"), "email")
    email = made.email("en", {"contact": {"first_name": "A\r\nBcc: x@y.example\n\n"}}, link)
    assert email.subject == "Hi A Bcc: x@y.example"
