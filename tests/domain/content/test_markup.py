"""HTML as it was written: references by the standard, tables and blocks set apart, however broken it is in one pass."""

import contextlib

import pytest

from app.domain.content import markup
from app.domain.content.compile import compile_email
from app.domain.content.preview import preview
from app.domain.content.sandbox import TemplateError
from tests import cpu

LINK = "https://www.bank.example/b?x=1&region=north&copy=2&section=4&currency=ILS&times=3&notify=1"


@pytest.mark.parametrize("message_class", ["marketing", "service"])
def test_an_ampersand_in_an_address_is_what_the_standard_says(message_class: str) -> None:
    made = compile_email(f'<p><a href="{LINK}">offer</a></p>', message_class)
    assert made["links"] == ([LINK] if message_class == "marketing" else [])
    assert made["text"] == ("offer (\x02c0\x03)\n" if message_class == "marketing" else f"offer ({LINK})\n")
    escaped = compile_email('<a href="https://b.example/?a=1&amp;b=2&copy;">x</a>', "marketing")
    assert escaped["links"] == ["https://b.example/?a=1&b=2©"]


def test_a_button_of_mjml_leads_where_it_says() -> None:
    body = (
        '<mj-section><mj-column><mj-button href="https://www.bank.example/raw?x=1&region=north&copy=2">Go</mj-button>'
    )
    made = compile_email(f"<mjml><mj-body>{body}</mj-column></mj-section></mj-body></mjml>", "marketing")
    assert made["links"] == ["https://www.bank.example/raw?x=1&region=north&copy=2"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><td>Balance</td><td>1,234</td><td>56</td></tr></table>", "Balance 1,234 56\n"),
        ("<h5>One</h5><h5>Two</h5>", "One\n\nTwo\n"),
        (
            "<dl><dt>Rate</dt><dd>4.2%</dd></dl><address>Here</address><section>There</section>",
            "Rate\n\n4.2%\n\nHere\n\nThere\n",
        ),
        ("<p>a &lt; b &copy=2 &nbsp; c</p>", "a < b ©=2 c\n"),
        ("one<br>two<br/>three", "one\ntwo\nthree\n"),
        ('<img src="x" alt="Our branch">', "[Our branch]\n"),
        ('<div style="display:none">secret<div>inner</div></div>seen', "seen\n"),
        ("<p hidden>secret</p>seen<!-- <p>no</p> --><style>p > a {}</style><title>no</title>", "seen\n"),
        ("5 < 6 and <b>bold</b", "5 < 6 and bold\n"),
    ],
)
def test_the_text_part_reads_like_the_letter(html: str, text: str) -> None:
    assert markup.read(html) == text


def test_a_table_of_mjml_has_its_cells_apart() -> None:
    table = "<mj-table><tr><td>Monthly</td><td>12</td><td>5</td></tr></mj-table>"
    made = compile_email(
        f"<mjml><mj-body><mj-section><mj-column>{table}</mj-column></mj-section></mj-body></mjml>", "service"
    )
    assert "Monthly 12 5" in made["text"]


def test_liquid_between_the_rows_of_a_table_stays_where_it_is() -> None:
    body = "<table>{% for p in contact.properties.list %}<tr><td>{{ p }}</td><td>{{ forloop.index }}</td></tr>{% endfor %}</table>"
    data = {"contact": {"properties": {"list": ["a", "b"]}}}
    made = preview("email", "marketing", {"subject": "x", "body": f'{body}<a href="https://b.example">y</a>'}, data)
    assert "<tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr>" in made.html
    assert made.body.split() == ["a", "1", "b", "2", "y", "(https://b.example)"]


def test_what_stands_in_comments_and_scripts_is_no_link() -> None:
    html = (
        "<!-- <a href='https://no.example'> --><style>a::after { content: \"<a href='https://no.example'>\" }</style>"
    )
    html += "<a title='a > b' HREF = https://yes.example/?q='x' class=\"c\">y</a>"
    made = compile_email(html, "marketing")
    assert made["links"] == ["https://yes.example/?q='x'"]
    assert "no.example'>" in made["html"], "what is not a link stays as it is"
    assert '<a title="a &gt; b" href="\x02c0\x03" class="c">y</a>' in made["html"]


BROKEN = [
    "<a " * 60_000, "<a href=" * 40_000, "<!--" * 60_000, "<![if " * 40_000, "</a " * 60_000, "<a x='" * 40_000, "<" * 200_000,
    "<style>" * 20_000, "<a b=c " * 30_000, "<?x " * 40_000, "<a x=" + " " * 150_000, "<img " * 60_000, "<td><p hidden>" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("start", ["", "<mjml><mj-body><mj-raw>"])
@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_no_broken_text_takes_long(body: str, start: str) -> None:
    with cpu.at_most(2), contextlib.suppress(TemplateError):  # refused or made, both are well
        preview("email", "marketing", {"subject": "x", "body": start + body}, {"unsubscribe_url": "https://u.example"})
