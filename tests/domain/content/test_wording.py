"""What is wrong with a text is said in words of ours, in both languages."""

import pytest

from app.core import i18n
from app.core.errors import Phrase
from app.domain.content.compile import compile_email
from app.domain.content.sandbox import TemplateError, parse

BROKEN = [
    "{% if x", "{% if x %}a", "{% foo %}", "{{ a | }}", "{{ | a }}", "{% if %}a{% endif %}", "{% endif %}", "{{ a..b }}", "{{ 'x }}",
    "{% for a %}x{% endfor %}", "{% if a = b %}x{% endif %}", "{% else %}", "{% assign %}", "{{ a b }}", "{{ a[ }}", "{% raw %}",
    "{% if a %}{% for b in c %}{% endif %}", "{% case %}{% endcase %}",
]  # fmt: skip
LETTERS = [
    "<mjml><mj-body></mjml>", "<mjml>", "<mjml><mj-body><mj-text>a < b</mj-text></mj-body></mjml>",
    "<mjml><mj-body></mj-body></mjml>x", "<mjml><![CDATA[x]]></mjml>", "<mjml>" + "<mj-section>" * 200,
]  # fmt: skip


def in_hebrew(error: TemplateError | Phrase) -> str:
    said = {name: in_hebrew(one) if isinstance(one, Phrase) else one for name, one in (error.values or {}).items()}
    return i18n.translator("he").gettext(error.message) % said


@pytest.mark.parametrize("source", BROKEN + LETTERS)
def test_a_writer_reads_it_in_his_language(source: str) -> None:
    with pytest.raises(TemplateError) as broke:
        compile_email(source, "service", language="en") if source in LETTERS else parse(source)
    error = broke.value
    assert isinstance(error.values.get("reason"), Phrase), str(error)
    theirs = {"expected", "unexpected", "expression", "primitive", "mismatched", "token", "path", "eof"}
    assert not theirs & set(str(error).split())
    left = "".join(sign if sign.isascii() and sign.isalpha() else " " for sign in in_hebrew(error)).split()
    assert set(left) <= {
        "MJML",
        "lt",
        *source.replace("<", " ").replace("}", " ").split(),
        "endif",
        "foo",
        "else",
        "raw",
        "endcase",
    }
