"""Templates in the browser: begin, save, see errors on their line, preview, compare, bring back."""

import html
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.audit.models import AuditEntry
from app.domain.content import gallery, library
from app.domain.content.library import TemplateInput
from app.domain.links import used_by
from app.http.security import PREVIEW_POLICY
from tests.factories import people
from tests.web.pages import House

SMS = {
    "name": "Notice", "message_class": "service", "fallback_language": "en", "category": "", "version": "",
    "en_body": 'Hello {{ contact.first_name | default: "customer" }}', "he_body": "שלום",
}  # fmt: skip
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
EMAIL = {**SMS, "en_subject": "News", "en_body": MJML.format("Dear {{ contact.first_name }}"), "he_body": ""}


def shown(answer: TestResponse) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


def made(bank: House, start: str = "email-notice", **changes: Any) -> UUID:
    new = TemplateInput.model_validate({**gallery.STARTS[start].model_dump(), **changes})
    with bank.unit("marketer") as session:
        return library.create(session, new, by=bank.staff["marketer"]).id


def test_the_first_template_from_the_gallery(bank: House) -> None:
    marketer = bank.browser("marketer")
    assert "No templates here" in shown(marketer.get("/templates"))
    chosen = marketer.get("/templates/new")
    assert all(f"start={start}" in chosen.text for start in gallery.STARTS)
    for start in gallery.STARTS:
        editor = marketer.get(f"/templates/new?start={start}")
        assert editor.status_code == 200
        assert "Nothing to complain about" in shown(editor)
    saved = marketer.post("/templates/new/sms", SMS)
    assert saved.status_code == 303
    page = marketer.get(saved.location)
    assert "The template is saved." in shown(page)
    assert "Hello Dana" in shown(page)
    listed = shown(marketer.get("/templates"))
    assert "Notice" in listed
    assert "English" in listed
    assert "עברית" in listed


def test_the_list_is_filtered_in_place(bank: House) -> None:
    made(bank, "sms-offer", name="Offer")
    made(bank, "email-notice", name="Letter")
    marketer = bank.browser("marketer")
    for query, there, gone in (
        ("channel=sms", "Offer", "Letter"),
        ("message_class=service", "Letter", "Offer"),
        ("q=lett", "Letter", "Offer"),
    ):
        part = marketer.get(f"/templates?{query}", htmx=True).text
        assert part.strip().startswith('<div id="templates"')
        assert there in part
        assert gone not in part


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"en_body": "one\n{{ contact.first_nam }}"}, "Line 2: nothing is known by the name “contact.first_nam”. Did you mean “contact.first_name”?"),
        ({"en_body": "one\ntwo {% if %}"}, "Line 2"),
        ({"he_body": "{{ x"}, "Line 1: “{{” is not closed by “}}”."),
        ({"en_body": " "}, "Write the text in the fallback language"),
        ({"message_class": "other"}, "Not a valid choice"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field(bank: House, changes: dict[str, str], words: str) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=sms")
    answer = marketer.post("/templates/new/sms", {**SMS, **changes})
    assert answer.status_code == 422
    assert words in shown(answer)
    assert "שלום" in answer.text or "he_body" in changes, "what was typed is still there"
    if "he_body" in changes:
        assert re.search(r'id="in-he" value="he" checked', answer.text), "the language with the error is open"


def test_broken_mjml_names_its_line(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=email")
    answer = marketer.post(
        "/templates/new/email", {**EMAIL, "en_body": "<mjml>\n<mj-body>\n<mj-section></mj-body></mjml>"}
    )
    assert answer.status_code == 422
    assert "Line 3: the MJML does not parse: a tag is closed that is not open" in shown(answer)


def test_a_save_over_somebody_elses_is_refused_and_nothing_is_lost(bank: House) -> None:
    template_id = made(bank, "sms-notice")
    marketer = bank.browser("marketer")
    marketer.get(f"/templates/{template_id}/edit")
    first = marketer.post(f"/templates/{template_id}/edit", {**SMS, "version": "1"})
    assert first.status_code == 303
    second = marketer.post(f"/templates/{template_id}/edit", {**SMS, "version": "1", "en_body": "my long work"})
    assert second.status_code == 409
    assert "You saved this in another window" in shown(second)
    assert "my long work" in second.text


def test_the_preview_follows_the_text(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 2, prefix="77")
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=sms")
    part = marketer.post("/templates/preview/sms", {**SMS, "language": "en", "as_contact": "771"}, htmx=True)
    assert part.text.strip().startswith('<div id="preview"')
    assert "Hello D•••" in shown(part)
    assert "Dana" not in shown(part)
    assert "GSM-7 · 10 characters · 1 part" in shown(part), "the mask is no part of the text"
    forced = marketer.post("/templates/preview/sms", {"language": "en", "en_body": "₪5"}, htmx=True)
    assert "Unicode because of ₪" in shown(forced)
    assert "A marketing SMS needs a way to refuse" in shown(forced)
    hebrew = marketer.post("/templates/preview/sms", {**SMS, "language": "he"}, htmx=True)
    assert "UCS-2 · 4 characters · 1 part" in shown(hebrew)
    broken = marketer.post("/templates/preview/sms", {"language": "en", "en_body": "a\n{% x %}"}, htmx=True)
    assert broken.status_code == 200
    assert "Line 2" in shown(broken)
    nobody = marketer.post("/templates/preview/sms", {**SMS, "as_contact": "nobody"}, htmx=True)
    assert "no contact with this customer number" in shown(nobody)


def test_the_preview_works_without_script(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=sms")
    answer = marketer.post("/templates/new/sms", {**SMS, "do": "look", "language": "he", "name": ""})
    assert answer.status_code == 200
    assert "UCS-2 · 4 characters" in shown(answer)
    assert "No templates here" in shown(marketer.get("/templates")), "nothing was saved"


def test_a_preview_is_masked_until_somebody_asks_and_that_is_logged(bank: House) -> None:
    with bank.unit() as session:
        [contact_id] = people.contacts(session, 1, prefix="88")
    template_id = made(bank, "sms-notice")
    marketer = bank.browser("marketer")
    page = shown(marketer.get(f"/templates/{template_id}?as_contact=880"))
    assert "Hello D•••" in page
    assert "Dana" not in page
    asked = {**SMS, "language": "en", "as_contact": "880", "reveal": "1"}
    assert "Hello Dana0" in shown(marketer.post("/templates/preview/sms", asked, htmx=True))
    with bank.unit() as session:
        looks = select(AuditEntry).where(
            AuditEntry.action == "contact.revealed", AuditEntry.subject_id == str(contact_id)
        )
        [look] = session.execute(looks).scalars()
        assert look.actor_id == bank.staff["marketer"].id


def test_who_writes_no_texts_makes_none_and_sees_nobody(bank: House) -> None:
    with bank.unit() as session:
        people.contacts(session, 1, prefix="89")
    viewer = bank.browser("viewer")
    page = shown(viewer.get(f"/templates/{made(bank, 'sms-notice')}?as_contact=890"))
    assert "Hello Dana," in page, "the made-up person"
    for path in ("/templates/preview/sms", "/templates/frame"):
        viewer.get("/templates")
        assert viewer.post(path, {**SMS, "language": "en", "as_contact": "890"}).status_code == 403


def test_an_email_is_shown_in_a_frame_under_its_own_policy(bank: House) -> None:
    marketer = bank.browser("marketer")
    marketer.get("/templates/new?start=email")
    evil = {**EMAIL, "language": "en", "en_body": MJML.format("<script>alert(1)</script>Dear {{ contact.first_name }}")}
    framed = marketer.post("/templates/frame", evil)
    assert framed.headers["Content-Security-Policy"] == PREVIEW_POLICY
    assert "sandbox" in PREVIEW_POLICY
    assert "Dear Dana" in framed.text
    broken = marketer.post("/templates/frame", {**EMAIL, "language": "en", "en_body": "<mjml><b></mjml>"})
    assert broken.mimetype == "text/plain"
    template_id = made(bank)
    for language, words in (("en", "Your new card waits"), ("he", "הכרטיס החדש")):
        page = marketer.get(f"/templates/{template_id}/email/{language}")
        assert page.headers["Content-Security-Policy"] == PREVIEW_POLICY
        assert words in page.text
    assert marketer.get(f"/templates/{template_id}/email/fr").status_code == 404
    assert re.search(r"<iframe[^>]* sandbox[ >]", marketer.get(f"/templates/{template_id}").text)


def test_versions_stand_side_by_side_and_come_back(bank: House) -> None:
    template_id = made(bank, "sms-notice")
    marketer = bank.browser("marketer")
    marketer.get(f"/templates/{template_id}/edit")
    marketer.post(f"/templates/{template_id}/edit", {**SMS, "version": "1", "en_body": "A new text"})
    page = marketer.get(f"/templates/{template_id}/versions/1")
    assert "<ins>A new text</ins>" in page.text
    assert re.search(r"<del>Hello .*new card", page.text)
    assert marketer.post(f"/templates/{template_id}/versions/1/restore").status_code == 303
    assert "new card waits" in shown(marketer.get(f"/templates/{template_id}"))
    same = shown(marketer.get(f"/templates/{template_id}/versions/3"))
    assert "The texts of both versions are the same." in same
    assert marketer.get(f"/templates/{template_id}/versions/9").status_code == 404


def test_a_copy_and_an_archive(bank: House) -> None:
    template_id = made(bank, "sms-notice")
    marketer = bank.browser("marketer")
    copy = marketer.post(f"/templates/{template_id}/duplicate")
    assert copy.status_code == 303
    assert "Service notice (2)" in marketer.get(copy.location).text
    with bank.unit() as session:
        used_by.uses(session, "campaign", template_id, "Spring offer", [("template", template_id)])
    refused = marketer.post(f"/templates/{template_id}/archive")
    assert refused.status_code == 409
    assert "Spring offer" in shown(refused)
    with bank.unit() as session:
        used_by.uses(session, "campaign", template_id, "Spring offer", [])
    assert marketer.post(f"/templates/{template_id}/archive").status_code == 303
    assert f"/templates/{template_id}" not in marketer.get("/templates").text


def test_a_viewer_reads_and_does_not_write(bank: House) -> None:
    template_id = made(bank, "sms-notice")
    viewer = bank.browser("viewer")
    page = viewer.get(f"/templates/{template_id}")
    assert page.status_code == 200
    assert "Edit" not in shown(page)
    assert viewer.get("/templates/new").status_code == 403
    assert viewer.get(f"/templates/{template_id}/edit").status_code == 403
    for path in ("edit", "duplicate", "archive", "versions/1/restore"):
        assert viewer.post(f"/templates/{template_id}/{path}", SMS).status_code == 403


def test_another_bank_has_no_such_template(bank: House, page_app: Any, page_settings: Any) -> None:
    from tests.web.pages import house

    template_id = made(bank, "sms-notice")
    stranger = house(page_app, page_settings).browser("marketer")
    for path in ("", "/edit", "/email/en", "/versions/1"):
        assert stranger.get(f"/templates/{template_id}{path}").status_code == 404
