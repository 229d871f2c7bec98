"""An advertisement has its marks for everybody who gets it: behind a condition, in a comment or out of sight they do not count."""

import pytest

from app.domain.content.compile import compile_email
from app.domain.content.marking import Marks, marks

ALL = Marks(word=True, name=True, refusal=True)
WORD, NAME, LINK = "Advertisement", "{{ organisation.name }}", "{{ unsubscribe_url }}"


def of_sms(body: str, language: str = "en") -> Marks:
    return marks("sms", language, {"body": body}, {}, "First Bank")


def of_email(body: str, subject: str = "") -> Marks:
    return marks("email", "en", {"subject": subject, "body": body}, compile_email(body, "marketing"), "First Bank")


@pytest.mark.parametrize(
    "body",
    [
        f"{WORD} {NAME} {LINK}",
        f"advertisement from first bank: {LINK}",
        f"{{% if contact.city %}}{WORD}: Haifa{{% else %}}{WORD}{{% endif %}} {NAME} {LINK}",
        f"{{% case contact.gender %}}{{% when 'male' %}}{WORD}{{% else %}}{WORD}{{% endcase %}} {NAME} {LINK}",
        f"{{% unless contact.city %}}{{% if x %}}{LINK}{{% else %}}{LINK}{{% endif %}}{{% else %}}{LINK}{{% endunless %}}{NAME} {WORD}",
    ],
)
def test_it_has_all_of_them(body: str) -> None:
    assert of_sms(body) == ALL


@pytest.mark.parametrize(
    "body",
    [
        "{}: buy",
        "{{% comment %}}{}{{% endcomment %}}",
        "{{% if contact.external_id %}}{}{{% endif %}}",
        "{{% if a %}}x{{% elsif b %}}{0}{{% else %}}{0}{{% endif %}}",
        "{{% case contact.gender %}}{{% when 'male' %}}{}{{% endcase %}}",
        "{{% for a in contact.properties.list %}}{}{{% endfor %}}",
        "{{% capture x %}}{}{{% endcapture %}}",
    ],
)
def test_what_not_everybody_reads_does_not_count(body: str) -> None:
    is_hidden = body != "{}: buy"
    assert of_sms(body.format(WORD)).word != is_hidden
    assert of_sms(body.format(NAME)).name != is_hidden
    assert of_sms(body.format(LINK)).refusal != is_hidden


def test_each_language_has_its_own_word() -> None:
    assert not of_sms(f"{WORD}", "he").word
    assert of_sms("פרסומת. מבצע", "he").word
    assert not of_sms("פרסומת", "en").word
    assert not of_sms("Advertisements elsewhere", "en").word


def test_a_name_or_a_link_that_is_cut_is_none() -> None:
    assert not of_sms("{{ organisation.name | slice: 0 }}").name
    assert not of_sms("{{ unsubscribe_url | truncate: 5 }}").refusal


@pytest.mark.parametrize(
    "hidden",
    ["<!-- {} -->", "<style>{}</style>", '<p title="{}">x</p>', '<p style="display:none">{}</p>', "<p hidden>{}</p>"],
)
def test_in_an_email_only_what_is_read_counts(hidden: str) -> None:
    assert of_email(f'<p>{WORD}, {NAME} <a href="{LINK}">leave</a></p>') == ALL
    assert of_email(f'<p>{NAME} <a href="{LINK}">leave</a></p>', subject=f"{WORD}: an offer") == ALL
    assert of_email(hidden.format(WORD) + hidden.format("First Bank")) == Marks(word=False, name=False, refusal=False)
    assert not of_email(f'<img src="{LINK}" alt="x">').refusal
