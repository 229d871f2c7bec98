"""E-mail made once per version: MJML with Liquid anywhere, links, the preview line, plain text, errors with lines."""

import pytest

from app.domain.content.compile import compile_email
from app.domain.content.render import TemplateError, Text


def mjml(inside: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>\n{inside}\n</mj-column></mj-section></mj-body></mjml>"


def link(kind: str, number: int) -> str:
    return f"[{kind}{number}]"


def rendered(body: str, data: dict[str, object], message_class: str = "marketing") -> tuple[str, str]:
    made = compile_email(body, message_class)
    return Text(made["html"], html=True).render(data, link), Text(made["text"]).render(data, link)


def test_static_links_are_numbered_once_and_others_stay() -> None:
    body = mjml(
        """<mj-button href="https://a.example/x?a=1&amp;b=2">One</mj-button>
        <mj-text><a href='https://b.example/'>two</a> <a href="https://a.example/x?a=1&amp;b=2">again</a>
        <a href="mailto:a@b.example">mail</a> <a href="tel:+972">call</a> <a href="{{ unsubscribe_url }}">leave</a>
        <a href="https://c.example/{{ contact.external_id }}">yours</a> <a href="#top">top</a></mj-text>"""
    )
    made = compile_email(body, "marketing")
    assert made["links"] == ["https://a.example/x?a=1&b=2", "https://b.example/"]
    html, text = rendered(body, {"unsubscribe_url": "https://u", "contact": {"external_id": "7"}})
    assert html.count("[c0]") == 2
    for kept in (
        'href="mailto:a@b.example"',
        'href="tel:+972"',
        'href="https://u"',
        'href="https://c.example/7"',
        'href="#top"',
    ):
        assert kept in html
    assert "One ([c0])" in text
    assert "leave (https://u)" in text


def test_service_mail_is_not_followed() -> None:
    made = compile_email(mjml('<mj-button href="https://a.example/">x</mj-button>'), "service")
    assert made["links"] == []
    assert "\x02" not in made["html"] + made["text"]
    assert "https://a.example/" in made["html"]


def test_liquid_may_stand_anywhere_in_mjml() -> None:
    haifa = "<mj-section><mj-column><mj-text>Haifa & co</mj-text></mj-column></mj-section>"
    one = '<mj-text>{{ p | default: "<none>" }}</mj-text>'
    each = f"{{% for p in contact.properties.products %}}{one}{{% endfor %}}"
    body = f"""<mjml><mj-body>
    {{% if contact.city == "Haifa" and 3 < 4 %}}{haifa}{{% endif %}}
    <mj-section><mj-column>{each}</mj-column></mj-section></mj-body></mjml>"""
    html, text = rendered(body, {"contact": {"city": "Haifa", "properties": {"products": ["Gold", "<Silver>"]}}})
    assert "Haifa & co" in html
    assert html.count("<tr><td") >= 3
    assert "Gold" in text
    assert "&lt;Silver&gt;" in html
    html, _ = rendered(body, {"contact": {"city": "Eilat", "properties": {}}})
    assert "Haifa" not in html


def test_the_preview_line_comes_first_and_is_not_seen() -> None:
    made = compile_email(
        mjml("<mj-text>Hello</mj-text>"), "marketing", preheader="4% & more for {{ contact.first_name }}"
    )
    html = Text(made["html"], html=True).render({"contact": {"first_name": "<D>"}}, link)
    inside = html[html.index("<body") :]
    assert inside.index("display:none") < inside.index("4% &amp; more for &lt;D&gt;") < inside.index("Hello")
    assert "more for" not in made["text"]


def test_html_becomes_a_page_in_its_direction() -> None:
    made = compile_email("<p>שלום</p>", "service", language="he")
    assert made["html"].startswith('<!doctype html><html lang="he" dir="rtl">')
    whole = "<html><body><p>x</p></body></html>"
    assert compile_email(whole, "service")["html"] == whole


@pytest.mark.parametrize("head", ["", "<mj-head><mj-title>x</mj-title></mj-head>"])
def test_hebrew_mail_runs_from_right_to_left(head: str) -> None:
    body = f"<mjml>{head}<mj-body><mj-section><mj-column><mj-text>שלום.</mj-text></mj-column></mj-section></mj-body></mjml>"
    html = compile_email(body, "service", language="he")["html"]
    assert '<html lang="he" dir="rtl"' in html
    assert "direction:ltr" not in html
    assert "text-align:right" in html
    assert "direction:rtl" not in compile_email(body, "service", language="en")["html"]


def test_plain_text_reads_like_a_letter() -> None:
    body = mjml(
        "<mj-image src='https://a.example/i.png' alt='Our branch' /><mj-text>Dear&nbsp;you,<br/>two &amp; three</mj-text>"
    )
    assert compile_email(body, "service")["text"] == "[Our branch]\n\nDear you,\ntwo & three\n"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>", 4),
        (mjml("<mj-text>\n\n<b>x</mj-text>"), 4),
        (mjml("<mj-text>{% if\na\n%}{% endif %}</i></mj-text>"), 4),
        (mjml("<mj-text>\na < b</mj-text>"), 3),
        ("<mjml><mj-body>\n\n<mj-include path='x' /></mj-body></mjml>", 3),
        (mjml("<mj-text>\n{{ a </mj-text>"), 3),
        ("<p>\n\n{% if a %}</p>", 3),
    ],
)
def test_errors_name_the_line(body: str, line: int) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_email(body, "marketing")
    assert refused.value.values["line"] == line, str(refused.value)
