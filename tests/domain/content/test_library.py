"""The library and its checks: versions, conflicts, restoring, what is refused at save and what is only said."""

from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Stale
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.contacts.models import PropertyDefinition
from app.domain.content import checks, gallery, library, preview
from app.domain.content.library import Said, TemplateInput
from app.domain.content.models import Template
from app.domain.links import used_by
from tests.factories import people

LEAVE = '<mj-text>Advertisement, {{ organisation.name }} <a href="{{ unsubscribe_url }}">leave</a></mj-text>'


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "marketer")


def an_sms(body: str = "Hello", **given: object) -> TemplateInput:
    return TemplateInput.model_validate(
        {"name": "Notice", "channel": "sms", "message_class": "service", "texts": {"en": {"body": body}}, **given}
    )


def an_email(body: str, subject: str = "Subject", message_class: str = "marketing") -> TemplateInput:
    texts = {
        "en": Said(
            subject=subject,
            body=f"<mjml><mj-body><mj-section><mj-column>{body}</mj-column></mj-section></mj-body></mjml>",
        )
    }
    return TemplateInput.model_validate(
        {"name": "News", "channel": "email", "message_class": message_class, "texts": texts}
    )


def says(session: Session, template: Template) -> list[tuple[str, str]]:
    found = checks.check(session, template, library.current(session, template))
    return [(f.level, f.message % f.values) for f in found if f.language == "en"]


def test_every_save_is_a_version_and_old_ones_come_back(session: Session, by: Actor) -> None:
    template = library.create(session, an_sms("one"), by=by)
    library.update(session, template.id, an_sms("two"), version=1, by=by)
    library.update(session, template.id, an_sms("two", name="Renamed"), version=2, by=by)
    assert library.current(session, template).number == 2, "a new name alone is no new text"
    library.restore(session, template.id, 1, by=by)
    found = [(v.number, v.texts["en"]["body"]) for v in library.versions(session, template.id)]
    assert found == [(4, "one"), (2, "two"), (1, "one")]
    assert library.current(session, template).number == 4


@pytest.mark.parametrize("change", [{"name": "Renamed"}, {"category": "Savings"}], ids=["name", "category"])
def test_two_people_who_only_rename_it_notice_each_other(session: Session, by: Actor, change: dict[str, str]) -> None:
    template = library.create(session, an_sms("one"), by=by)
    text = template.current_id
    library.update(session, template.id, an_sms("one", **change), version=1, by=by)
    assert (template.version, template.current_id) == (2, text)
    with pytest.raises(Stale):
        library.update(session, template.id, an_sms("one", name="Named otherwise"), version=1, by=by)
    when = template.updated_at
    library.update(session, template.id, an_sms("one", **change), version=2, by=by)
    assert (template.version, template.updated_at) == (2, when), "nothing is different"


def test_two_people_do_not_overwrite_each_other(session: Session, by: Actor) -> None:
    template = library.create(session, an_sms("one"), by=by)
    library.update(session, template.id, an_sms("two"), version=1, by=by)
    with pytest.raises(Stale):
        library.update(session, template.id, an_sms("three"), version=1, by=by)


def test_a_change_of_class_makes_a_new_version(session: Session, by: Actor) -> None:
    template = library.create(session, an_email('<mj-button href="https://a.example">x</mj-button>' + LEAVE), by=by)
    assert library.current(session, template).compiled["en"]["links"] == ["https://a.example"]
    new = library.as_input(session, template).model_copy(update={"message_class": "service"})
    library.update(session, template.id, new, by=by)
    assert library.current(session, template).number == 2
    assert library.current(session, template).compiled["en"]["links"] == []


@pytest.mark.parametrize(
    ("new", "field", "words"),
    [
        (an_sms("a\n{{ contact.first_nam }}"), "texts.en.body", "Line 2: nothing is known by the name “contact.first_nam”. Did you"),
        (an_sms("{{ contact.properties.nothing_like_it }}"), "texts.en.body", "Line 1: nothing is known"),
        (an_sms("{{ now }}"), "texts.en.body", "nothing is known by the name “now”"),
        (an_sms("a\n\n{% if %}"), "texts.en.body", "Line 3"),
        (an_sms(texts={"en": {"body": "a"}, "he": {"body": "{{ x"}}), "texts.he.body", "Line 1"),
        (an_email("<mj-text>Hi</mj-text>\n<mj-txt>Hello</mj-txt>"), "texts.en.body", "Line 2: there is no MJML element <mj-txt>."),
        (an_email("<mj-text>\n<b></mj-text>"), "texts.en.body", "Line 2: the MJML does not parse: a tag is closed that is not open"),
        (an_email(LEAVE, subject="{{ contact.nam }}"), "texts.en.subject", "nothing is known"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_cannot_be_saved(
    session: Session, by: Actor, new: TemplateInput, field: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        library.create(session, new, by=by)
    issue = refused.value.details[0]
    assert issue.field == field
    assert words in issue.message % (issue.values or {})


def test_a_property_is_known_once_it_is_defined(session: Session, by: Actor) -> None:
    new = an_sms("{{ contact.properties.tier | default: 'x' }}")
    with pytest.raises(Invalid):
        library.create(session, new, by=by)
    row = {"key": "tier", "label": "Tier", "type": "text", "created_at": clock.now()}
    session.add(PropertyDefinition(organisation_id=by.organisation_id, **row))
    session.flush()
    assert says(session, library.create(session, new, by=by)) == []


def test_a_text_needs_a_fallback() -> None:
    with pytest.raises(ValueError, match="fallback"):
        an_sms(fallback_language="he")
    with pytest.raises(ValueError, match="fallback"):
        an_sms("  ")


def test_line_ends_of_browsers_cost_nothing() -> None:
    assert an_sms("a\r\nb\rc\x00\x02").texts["en"].body == "a\nb\nc"


def test_archiving_waits_until_nobody_uses_it(session: Session, by: Actor) -> None:
    template = library.create(session, an_sms(), by=by)
    campaign_id = uuid4()
    used_by.uses(session, "campaign", campaign_id, "Spring offer", [("template", template.id)])
    with pytest.raises(Conflict, match="Spring offer"):
        library.archive(session, template.id, by=by)
    used_by.uses(session, "campaign", campaign_id, "Spring offer", [])
    library.archive(session, template.id, by=by)
    assert template not in library.listed(session, Ask(), by=by).items
    with pytest.raises(NotFound):
        library.update(session, template.id, an_sms("x"), by=by)


def test_lists_copies_and_the_trail(session: Session, by: Actor) -> None:
    first = library.create(session, an_sms(name="First"), by=by)
    copy = library.duplicate(session, first.id, by=by)
    assert copy.name == "First (2)"
    library.create(session, an_email(LEAVE), by=by)
    assert [t.name for t in library.listed(session, Ask(), by=by, channel="sms").items] == ["First (2)", "First"]
    assert [t.name for t in library.listed(session, Ask(), by=by, text="new").items] == ["News"]
    session.commit()
    actions = [e.action for e in session.query(AuditEntry).filter_by(subject_kind="template").order_by(AuditEntry.seq)]
    assert actions == ["template.created"] * 3


@pytest.mark.parametrize("role", ["viewer", "auditor", "operator", "admin"])
def test_only_writers_write(session: Session, by: Actor, role: str) -> None:
    template = library.create(session, an_sms(), by=by)
    reader = people.staff(session, role, f"a{role}")
    assert library.get(session, template.id, by=reader) is template
    for act in (
        lambda: library.create(session, an_sms(), by=reader),
        lambda: library.update(session, template.id, an_sms(), by=reader),
        lambda: library.restore(session, template.id, 1, by=reader),
        lambda: library.archive(session, template.id, by=reader),
    ):
        with pytest.raises(Forbidden):
            act()


@pytest.mark.parametrize(
    ("new", "level", "words"),
    [
        (an_email("<mj-text>Advertisement</mj-text>"), "error", "needs a way to unsubscribe"),
        (an_email(LEAVE, subject=" "), "error", "no subject"),
        (an_email(LEAVE + "<mj-text><script>x</script></mj-text>"), "error", "has no place in an e-mail"),
        (an_email(LEAVE + '<mj-text><a href="javascript:x">y</a></mj-text>'), "error", "has no place in an e-mail"),
        (an_email(LEAVE + '<mj-image src="https://a.example/i.png" />'), "warning", "no alternative text"),
        (an_email(LEAVE + "<mj-text>" + "x" * 105_000 + "</mj-text>"), "warning", "larger than 102 KB"),
        (an_email(LEAVE + '<mj-button href="http://a.example">x</mj-button>'), "warning", "https://"),
        (an_email(LEAVE.replace("Advertisement", "")), "error", "says that it is one: write “Advertisement”"),
        (an_email(LEAVE.replace("{{ organisation.name }}", "")), "error", "names the advertiser"),
        (an_sms("{{ contact.city }}"), "warning", "“contact.city” may be empty"),
        (an_sms("a" * 310), "warning", "about 3 SMS parts"),
        (an_sms("Save ₪500"), "warning", "“₪” make the text Unicode"),
        (an_sms("Advertisement. Reply STOP", message_class="marketing"), "warning", "Reply STOP"),
        (an_sms("Advertisement", message_class="marketing"), "error", "A marketing SMS needs a way to refuse"),
        (an_sms("{{ unsubscribe_url }}", message_class="marketing"), "error", "write “Advertisement”"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_findings(session: Session, by: Actor, new: TemplateInput, level: str, words: str) -> None:
    template = library.create(session, new, by=by)
    assert [found for found in says(session, template) if found[0] == level and words in found[1]]


def test_a_finding_names_the_line(session: Session, by: Actor) -> None:
    template = library.create(session, an_sms("one\ntwo {{ contact.city }}"), by=by)
    found = checks.check(session, template, library.current(session, template))
    assert [(f.line, f.part) for f in found if "may be empty" in f.message] == [(2, "body")]


@pytest.mark.parametrize("start", gallery.STARTS)
def test_the_gallery_has_nothing_to_complain_about(session: Session, by: Actor, start: str) -> None:
    template = library.create(session, gallery.STARTS[start], by=by)
    assert set(gallery.STARTS[start].texts) == {"en", "he"}
    assert [f.message % f.values for f in checks.check(session, template, library.current(session, template))] == []


def test_names_are_masked_unless_revealed_to_somebody_who_may(session: Session, by: Actor) -> None:
    people.contacts(session, 1, prefix="c")
    contact = preview.someone(session, "c0")
    assert contact is not None
    said = {"body": "Hello {{ contact.first_name }} {{ contact.external_id }}"}
    assert preview.preview("sms", "service", said, preview.data_for(session, contact)).body == "Hello D••• c0"
    clear = preview.data_for(session, contact, revealed_to=by)
    assert preview.preview("sms", "service", said, clear).body == "Hello Dana0 c0"
    with pytest.raises(Forbidden):
        preview.data_for(session, contact, revealed_to=people.staff(session, "viewer"))


def test_an_erased_person_is_nobody_to_preview_as(session: Session, by: Actor) -> None:
    people.contacts(session, 1, prefix="c")
    contact = preview.someone(session, "c0")
    assert contact is not None
    contact.key = b"destroyed"
    assert preview.data_for(session, contact)["contact"]["first_name"] == ""
    contact.status = "erased"
    session.flush()
    assert preview.someone(session, "c0") is None


def test_a_preview_says_what_is_wrong_before_it_is_saved(session: Session, by: Actor) -> None:
    data = preview.data_for(session, None, "he")
    around = checks.setting(session)
    made = preview.preview(
        "sms", "service", {"body": "שלום {{ contact.first_name }} {{ contact.x }}"}, data, language="he", around=around
    )
    assert made.body == "שלום דנה"
    assert [f.level for f in made.findings] == ["error", "warning"]
    with pytest.raises(DomainError, match="Line 1"):
        preview.preview("sms", "service", {"body": "{% if"}, data)


def test_a_text_that_would_take_for_ever_is_refused(
    session: Session, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "SLOW_SECONDS", 0.05)
    slow = "{% capture x %}" + "abcdefghijklmnopqrs" * 50 + "{% endcapture %}"
    slow += '{% assign a = x | split: "" | sort | uniq | reverse | join: "," %}' * 300
    with pytest.raises(Invalid) as refused:
        library.create(session, TemplateInput(name="Slow", channel="sms", texts={"en": Said(body=slow)}), by=by)
    assert "too long to make" in refused.value.details[0].message
