"""A text can neither reach the program, nor hang it, nor fill its memory, nor put markup into a mail through a name."""

import contextlib
import resource
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app.domain.content import preview
from app.domain.content.budget import Budget
from app.domain.content.compile import compile_email
from app.domain.content.render import TemplateError, Text
from app.domain.content.sandbox import TooSlow
from tests import cpu

BIG = "{% capture b %}" + "x" * 900 + "{% endcapture %}"
HUGE = "{% assign b = '" + "x" * 3000 + "' %}"
DATA: Mapping[str, Any] = {
    "contact": {
        "first_name": "Dana",
        "last_name": "<script>alert(1)</script>",
        "city": "&lt;script&gt;",
        "properties": {"list": ["b", "a"], "number": 10**9, "long": "y" * 19_000, "text": "{{ contact.last_name }}"},
    },
    "organisation": {"name": "Bank"},
}

REACHING = [
    "{{ contact.__class__ }}",
    "{{ contact.__class__.__mro__ }}",
    "{{ contact['__class__']['__bases__'] }}",
    "{{ contact.first_name.__class__.__base__.__subclasses__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ contact.keys }}{{ contact.items }}{{ contact.get }}",
    "{{ contact.first_name.upper }}",
    "{{ contact.first_name.format }}",
    "{{ self }}{{ self._TemplateReference__context }}",
    "{{ config }}{{ request }}{{ g }}{{ session }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ contact | map: '__class__' }}",
    "{{ contact.properties.list | map: '__class__' }}",
    "{{ contact.properties.list | where: '__class__', 'x' }}",
    "{{ contact.first_name | attr: '__class__' }}",
    "{% include 'secret' %}",
    "{% render '/etc/passwd' %}",
    "{% include '../../settings.py' %}",
    "{% layout 'x' %}",
    "{% extends 'base' %}",
    "{% import os %}",
    "{% liquid echo contact %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% assign contact.first_name = 'x' %}",
    "{{ contact | json }}",
    "{{ 'now' | date: '%s' }}",
    "{{ 7 | plus: '7' | append: contact.__class__ }}",
    "#{7*7} ${7*7} <%= 7*7 %> {7*7} *{7*7} @(7*7) [[7*7]]",
    "{{ contact.properties.text }}",
]

HANGING = [
    "{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}",
    "{% for a in (1..1000000000) %}{% endfor %}",
    "{% for a in (1..1000000000) reversed %}{% endfor %}",
    "{% assign n = 999999999 %}{% for a in (1..n) reversed %}{% endfor %}",
    "{% for a in (1..contact.properties.number) %}{% endfor %}",
    "{% for a in (1..99999999999999999999999999) %}{% endfor %}",
    "{% for a in (1..90) %}" * 10 + "x" + "{% endfor %}" * 10,
    "{% for a in (1..100) %}{% if true %}{% endif %}{% endfor %}" * 900,
    "{% for a in (1..100) %}" + "{{ a | plus: 1 }}" * 2000 + "{% endfor %}",
    "{% for a in (1..100) %}" + "{{ a | plus: 1 }}" * 430 + "{% endfor %}",
    "{{ (1..1000000000) | join: ',' }}",
    "{{ (1..1000000000) | size }}{{ (1..1000000000) | sum }}",
    "{% assign r = (1..1000000000) %}{{ r | reverse }}",
    "{% if (1..1000000000) contains 'x' %}{% endif %}",
    "{% tablerow i in (1..1000000000) %}{% endtablerow %}",
    "{% assign s = 'ab' %}" + "{% assign s = s | append: s %}" * 40,
    "{% capture s %}ab{% endcapture %}" + "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 40 + "{{ s }}",
    BIG + "{{ b | replace: 'x', b | replace: 'x', b | replace: 'x', b }}",
    BIG + "{{ b" + " | append: b" * 150 + " }}",
    HUGE + "{{ contact.properties.long | replace: 'y', b }}",
    HUGE + "{{ contact.properties.long | replace: '', b }}",
    "{{ contact.properties.long | split: '' | join: '----------' }}",
    "{{ contact.properties.long | split: '' | sort | uniq | reverse | size }}",
    "{% assign n = 9999999999 %}" + "{% assign n = n | times: n %}" * 60 + "{{ n }}",
    "{{ 9" + " | times: 999999999" * 150 + " }}",
    "{{ 2 | divided_by: 0 }}",
    "{{ 1 | modulo: 0 }}",
    "{{ '1e999999' | plus: 1 | round }}",
    "{{ 'nan' | times: 2 | ceil }}",
    "{{ " + "9" * 1900 + " | plus: 1 }}",
    "{{ 5 | round: 99999999 }}",
    "{{ 'x' | truncate: 999999999, 'yyy' }}",
    "{{ 'x' | slice: 0, 999999999999999999999 }}",
    "{{ '2026-01-01' | date: '%9999999999d' }}",
    "{{ '2026-01-01' | date: '" + "%B" * 900 + "' }}",
    "{{ '9999999999999-99-99' | date: '%d' }}",
    "{{ 1e308 | times: 1e308 | money }}",
    "{{ '9e99999999' | money }}{{ '1e18' | number: 9 }}",
    "{{ 1 | money: 'ILS; DROP' }}",
    "{% if a %}" * 400 + "{% endif %}" * 400,
    "{{ " + "a[" * 600 + "b" + "]" * 600 + " }}",
    "{% if " + "a and " * 300 + "b %}{% endif %}",
    "{% if " + "(" * 900 + "a" + ")" * 900 + " %}{% endif %}",
    "{% case a %}" + "{% when 1 %}x" * 3000 + "{% endcase %}",
    "{{" * 100_000,
    "{%" * 100_000,
    "{{ a " * 80_000,
    "{% raw %}" * 40_000,
    "{% comment %}" * 30_000,
    "{{ a }}" * 50_000,
    "{{ 'x' }}" * 1_990,
    " " * 390_000 + "{%-",
    "{" * 390_000,
    "x" * 500_000,
]


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """A text that fills more than 400 MB on top of what is used fails here instead of taking the machine along."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm", encoding="ascii") as used:
        now = int(used.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 400 * 2**20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def said(source: str, *, html: bool) -> str:
    """What a text says, or nothing if it is refused; in less than a second either way."""
    with cpu.at_most(1):
        try:
            return Text(source, html=html).render(DATA)
        except TemplateError as refused:
            return "" if str(refused) else "refused without a word"


@pytest.mark.parametrize("html", [False, True], ids=["plain", "html"])
@pytest.mark.parametrize("source", REACHING)
def test_nothing_of_the_program_can_be_reached(source: str, html: bool) -> None:
    text = said(source, html=html)
    for trace in ("class", "built-in", "method", "module", "object at", "root:", "49", "uid=", "<function", "dict"):
        assert trace not in text.replace("__class__", ""), text


@pytest.mark.parametrize("source", HANGING, ids=range(len(HANGING)))
def test_no_text_hangs_or_grows(source: str) -> None:
    assert len(said(source, html=False)) <= 400_000
    assert len(said(source, html=True)) <= 400_000


SLOW = [
    "{% for a in (1..100) %}"
    + "{{ contact.properties.long | upcase | downcase | escape | strip_html }}" * 90
    + "{% endfor %}",
    BIG
    + "{% for a in (1..100) %}{{ b"
    + " | split: '' | sort | uniq | reverse | join: ','" * 30
    + " | size }}{% endfor %}",
    "{% for a in (1..100) %}" + "{% if contact.properties.long contains 'yyyz' %}{% endif %}" * 120 + "{% endfor %}",
    "{% for a in (1..100) %}" + "{% assign c = contact.first_name %}" * 220 + "{% endfor %}",
]


@pytest.mark.parametrize("source", SLOW, ids=range(len(SLOW)))
def test_what_is_slow_for_some_people_only_is_stopped_while_it_is_made(source: str) -> None:
    """A trial with a made-up person would not have shown it."""
    text = Text("{% if contact.external_id == '7' %}" + source + "{% endif %}Hello")
    assert text.render(DATA) == "Hello"
    with cpu.at_most(0.2), pytest.raises(TooSlow):
        text.render({"contact": {**DATA["contact"], "external_id": "7"}})


@pytest.mark.parametrize(
    "source",
    ["{{ contact.properties.long }}" * 50, "{% capture a %}{{ contact.properties.long }}{% endcapture %}" * 50],
    ids=["flat", "captured"],
)
def test_all_that_is_written_has_room_for_so_many_signs(source: str) -> None:
    with pytest.raises(TooSlow):
        Text(source).render(DATA)
    assert len(Text("{{ contact.properties.long }}" * 40).render(DATA)) == 760_000


def test_the_texts_of_one_message_share_what_they_may_cost() -> None:
    budget, text = Budget(), Text("{% for a in (1..100) %}{{ a | plus: 1 }}{% endfor %}")
    for _ in range(5):
        text.render(DATA, budget=budget)
    budget.spend(budget.steps)
    with pytest.raises(TooSlow):
        text.render(DATA, budget=budget)


FILTERS = (
    "append: 'x'", "prepend: '<b>'", "upcase", "downcase", "capitalize", "strip", "escape", "escape_once", "newline_to_br",
    "remove: 'x'", "replace: 'a', 'a'", "replace_first: 'z', '<'", "slice: 0, 60", "split: ' '", "split: ' ' | join: '<i>'",
    "split: '' | first", "squish", "strip_html", "strip_newlines", "truncate: 60", "truncatewords: 9", "url_encode",
    "default: 'x'", "money", "number", "date: 'long'", "date: '%d'", "size", "escape_once | escape_once", "strip_html | append: ''",
)  # fmt: skip


@pytest.mark.parametrize("filter_", FILTERS)
@pytest.mark.parametrize("name", ["last_name", "city"])
def test_a_name_cannot_bring_markup_into_a_mail(filter_: str, name: str) -> None:
    for source in (
        f"{{{{ contact.{name} | {filter_} }}}}",
        f"{{% assign n = contact.{name} | {filter_} %}}{{{{ n }}}}",
        f"{{% capture n %}}{{{{ contact.{name} }}}}{{% endcapture %}}{{{{ n | {filter_} }}}}",
    ):
        assert "<script" not in Text(source, html=True).render(DATA).lower()


def test_marks_in_data_are_no_links() -> None:
    made = Text("{{ contact.first_name }} \x02c0\x03", html=True)
    names = {"contact": {"first_name": "\x02c7\x03 \x02o0\x03"}}
    asked: list[int] = []
    made.render(names, lambda _kind, number: str(asked.append(number)))
    assert asked == [0]


@pytest.mark.parametrize(
    "body",
    [
        "<mjml><mj-body><mj-include path='/etc/passwd' /></mj-body></mjml>",
        "<mjml><mj-body><mj-include path='file:///etc/passwd' /></mj-body></mjml>",
        "<mjml><mj-body><mj-include path='http://127.0.0.1:1/x' /></mj-body></mjml>",
        "<mjml><mj-body>" + "<mj-wrapper>" * 20_000 + "</mj-wrapper>" * 20_000 + "</mj-body></mjml>",
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        + "<div>" * 20_000
        + "</mj-text></mj-column></mj-section></mj-body></mjml>",
        '<!DOCTYPE a [<!ENTITY b "cc">]><mjml><mj-body>&b;</mj-body></mjml>',
        '<mjml><!DOCTYPE a [<!ENTITY b "cc">]><mj-body>&b;</mj-body></mjml>',
    ],
)
def test_mjml_reads_no_files_and_does_not_take_the_process_along(body: str) -> None:
    with cpu.at_most(1), contextlib.suppress(TemplateError):  # refused or harmless, both are well
        assert "root:" not in compile_email(body, "marketing")["html"]


def test_the_first_text_of_a_process_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the words of its language, once: that is no fault of the text."""
    clock = iter([0.0, 9.0, 9.0, 9.01])
    monkeypatch.setattr(preview, "thread_time", lambda: next(clock))
    made = preview.preview("sms", "service", {"body": "Hello"}, {})
    assert made.body == "Hello"
    clock = iter([0.0, 9.0, 9.0, 18.0])
    with pytest.raises(TooSlow):
        preview.preview("sms", "service", {"body": "Hello"}, {})
