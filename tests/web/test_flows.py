"""Flow pages as a person without script uses them, and the parts the editor asks for."""

import io
import json
import re
from datetime import timedelta
from html import unescape
from uuid import UUID

from sqlalchemy import select, update

from app.core import clock
from app.domain.approvals.models import Approval
from app.domain.contacts.models import Contact
from app.domain.flows.models import Flow, FlowDestination
from tests.factories import sending
from tests.web.flows import WAIT, Flows, flows, system_of, words

__all__ = ["flows"]


def test_the_list_finds_by_name_and_state(flows: Flows) -> None:
    maya = flows.maya()
    assert "Welcome" in words(maya.get("/flows"))
    assert "Welcome" in words(maya.get("/flows?q=elc&state=draft", htmx=True))
    assert "No such flow" in words(maya.get("/flows?state=paused"))


def test_every_ready_made_flow_is_drawn_and_begins_a_draft(flows: Flows) -> None:
    maya = flows.maya()
    shown = maya.get("/flows/gallery").get_data(as_text=True)
    for key in re.findall(r"like=([a-z_]+)", shown):
        assert maya.get(f"/flows/new?like={key}").status_code == 200
        made = maya.post("/flows/new", {"name": f"Mine {key}", "like": key})
        assert made.status_code == 303, key
        editor = maya.get(made.location)
        assert editor.status_code == 200
        assert "to set up" in words(editor)


def test_a_flow_goes_into_a_file_and_comes_out_of_it(flows: Flows) -> None:
    maya = flows.maya()
    file_of = maya.get(f"{flows.url}/file")
    assert "attachment" in file_of.headers["Content-Disposition"]
    file = (io.BytesIO(file_of.get_data()), "flow.json")
    made = maya.post("/flows/new", {"name": "Twin", "file": file})
    with flows.bank.unit() as session:
        twin = session.get_one(Flow, UUID(made.location.split("/")[-2]))
        assert twin.definition == json.loads(file_of.get_data())["definition"]
    for wrong in (b"nothing", b'{"definition": 7}'):
        refused = maya.post("/flows/new", {"name": "Other", "file": (io.BytesIO(wrong), "x.json")})
        assert refused.status_code == 422
        assert "This is not a flow" in words(refused)


def test_the_editor_leads_to_the_dry_run_and_back(flows: Flows) -> None:
    maya = flows.maya()
    to, back = f'href="{flows.url}/rehearsal"', f'href="{flows.url}/edit"'
    for page in (
        maya.get(f"{flows.url}/edit"),
        flows.op(maya, "insert", type="tag"),
        maya.post(f"{flows.url}/trigger", {}),
    ):
        assert to in page.get_data(as_text=True)
    dry = maya.get(f"{flows.url}/rehearsal").get_data(as_text=True)
    assert f'href="{flows.url}/rehearsal/everybody"' in dry
    assert back in dry


def test_an_edit_answers_with_the_newest_canvas(flows: Flows) -> None:
    answer = flows.op(flows.maya(), "insert", type="tag", lane="root", index="1")
    assert answer.status_code == 200
    assert flows.steps() == ["s1", "s4", "s2", "s3"]
    assert 'id="step-s4"' in answer.get_data(as_text=True)
    assert 'data-revision="2"' in answer.get_data(as_text=True)


def test_two_editors_at_once_the_second_gets_the_newest_canvas_and_is_told(flows: Flows) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type="tag")
    late = flows.op(maya, "delete", id="s1", revision=1)
    assert late.status_code == 409
    assert "Somebody else changed this flow" in words(late)
    assert 'data-revision="2"' in late.get_data(as_text=True)
    assert "s1" in flows.steps()


def test_undo_redo_up_down_and_moving_by_choice(flows: Flows) -> None:
    maya = flows.maya()
    flows.op(maya, "down", id="s1")
    assert flows.steps() == ["s2", "s1", "s3"]
    flows.op(maya, "undo")
    assert flows.steps() == ["s1", "s2", "s3"]
    flows.op(maya, "redo")
    flows.op(maya, "move", id="s3", place="root 0")
    assert flows.steps() == ["s3", "s2", "s1"]
    refused = flows.op(maya, "up", id="s3")
    assert refused.status_code == 422
    assert "cannot go further" in words(refused)


def test_a_step_is_copied_into_another_flow(flows: Flows) -> None:
    maya, other = flows.maya(), flows.id
    flows.id = flows.made("Second", {"trigger": {"type": "api"}})
    flows.op(maya, "paste", **{"from": str(other), "id": "s2", "lane": "root"})
    assert flows.flow().definition["lane"] == [{"id": "s1", "type": "wait", "config": {"days": 3} | WAIT}]


def test_without_script_a_plus_leads_to_the_choice_and_back(flows: Flows) -> None:
    maya = flows.maya()
    page = maya.get(f"{flows.url}/add?lane=root&index=1")
    assert "Add a step here" in words(page)
    values = {"op": "insert", "type": "exit", "lane": "root", "index": "1", "revision": "1"}
    assert maya.post(f"{flows.url}/ops", values).status_code == 303
    assert flows.steps() == ["s1", "s4", "s2", "s3"]


def test_two_people_bring_a_flow_to_run(flows: Flows) -> None:
    maya = flows.maya()
    assert "Everything is set up" in words(maya.get(f"{flows.url}/submit"))
    assert maya.post(f"{flows.url}/submit").status_code == 303
    review = maya.get(f"{flows.url}/review")
    assert "You made or edited this yourself" in words(review)
    assert "Welcome to the bank." in words(review)
    adam = flows.bank.browser("admin")
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', adam.get(f"{flows.url}/review").get_data(as_text=True))
    assert seen
    assert adam.post(f"{flows.url}/approve", {"seen": seen[1]}).status_code == 422  # not sure
    assert adam.post(f"{flows.url}/approve", {"seen": seen[1], "sure": "y"}).status_code == 303
    assert maya.post(f"{flows.url}/activate").status_code == 303
    assert flows.flow().state == "active"
    assert "Version 1, as it runs" in words(maya.get(flows.url))


def test_whoever_decides_is_told_the_hints_of_the_author(flows: Flows) -> None:
    definition = {
        "trigger": {"type": "event", "config": {"event": "never_told"}},
        "rules": {"exits": [{"event": "closed"}]},
        "lane": [{"id": "s1", "type": "tag", "config": {"add": ["new"]}}],
    }
    maya, url = flows.maya(), f"/flows/{flows.made('Hinted', definition)}"
    hints = ["No event “never_told” has come in yet.", "No event “closed” has come in yet."]
    assert maya.post(f"{url}/submit").status_code == 303
    review = flows.bank.browser("admin").get(f"{url}/review")
    assert [one in words(review) for one in hints] == [True, True]
    page = review.get_data(as_text=True)
    assert all(f'id="{place}"' in page for place in re.findall(r'<li><a href="#([^"]+)">', page))
    assert 'href="#step-trigger"' in page
    maya.post(f"{url}/withdraw")
    assert "has come in yet" not in words(flows.bank.browser("admin").get(f"{url}/review"))


def test_a_flow_is_sent_back_with_a_note(flows: Flows) -> None:
    maya, adam = flows.maya(), flows.bank.browser("admin")
    maya.post(f"{flows.url}/submit")
    seen = str(flows.flow().approval_id)
    assert adam.post(f"{flows.url}/reject", {"seen": seen}).status_code == 422
    assert adam.post(f"{flows.url}/reject", {"seen": seen, "note": "Three days is long."}).status_code == 303
    assert "Three days is long." in words(maya.get(flows.url))


def test_what_cannot_run_is_not_submitted(flows: Flows) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type="send_email")
    page = maya.get(f"{flows.url}/submit")
    assert "To set up first" in words(page)
    assert maya.post(f"{flows.url}/submit").status_code == 422


def test_what_becomes_of_people_on_their_way_is_chosen_and_shown_to_the_approver(flows: Flows) -> None:
    flows.active()
    flows.enter()
    maya = flows.maya()
    flows.op(maya, "delete", id="s2")
    page = maya.get(f"{flows.url}/submit")
    assert "Wait 3 days" in words(page)
    field = re.search(r'name="([0-9a-f-]{36}\.s2)"', page.get_data(as_text=True))
    assert field
    assert maya.post(f"{flows.url}/submit", {field[1]: "move:s9"}).status_code == 422
    assert maya.post(f"{flows.url}/submit", {field[1]: "move:s3"}).status_code == 303
    adam = flows.bank.browser("admin")
    said = words(adam.get(f"{flows.url}/review"))
    assert "at “Wait 3 days” of version 1 move to “End of the way”" in said
    assert "What is different from what runs" in said
    becomes = "1 person is on the way in it. They move to “End of the way” (1)."
    assert becomes not in words(maya.get(flows.url))
    adam.post(f"{flows.url}/approve", {"seen": str(flows.flow().approval_id), "sure": "y"})
    page = maya.get(flows.url)
    assert becomes in words(page)
    assert f"People enter it from now on. {becomes}" in unescape(page.get_data(as_text=True))
    assert maya.post(f"{flows.url}/activate").status_code == 303
    assert becomes not in words(maya.get(flows.url))


def test_a_changed_text_is_told_on_the_page_of_what_runs(flows: Flows) -> None:
    from app.domain.content import library
    from app.domain.content.library import Said, TemplateInput

    flows.active()
    with flows.bank.unit() as session:
        old = library.as_input(session, session.get_one(library.Template, flows.template))
        new = TemplateInput(**{**old.model_dump(), "texts": {"en": Said(body="Other.")}})
        library.update(session, flows.template, new, by=system_of(flows.bank))
    assert "changed after the approval" in words(flows.maya().get(flows.url))


def test_stopping_takes_one_and_starting_two(flows: Flows) -> None:
    flows.active()
    maya = flows.maya()
    assert maya.post(f"{flows.url}/pause").status_code == 303
    assert maya.post(f"{flows.url}/resume").status_code == 303
    assert "Going on waits for a decision" in words(maya.get(flows.url))


def test_versions_say_what_changed(flows: Flows) -> None:
    flows.active()
    maya = flows.maya()
    maya.post(f"{flows.url}/steps/s2", {"revision": "1", "days": "5"}, htmx=True)
    flows.op(maya, "insert", type="tag", lane="root", index="0")
    said = words(maya.get(f"{flows.url}/versions"))
    assert "before: Wait 3 days" in said
    assert "after: Wait 5 days" in said
    assert "Let the flow run" in words(maya.get(f"{flows.url}/history"))


def test_copy_name_archive_and_back(flows: Flows) -> None:
    maya = flows.maya()
    assert maya.post(f"{flows.url}/clone").status_code == 303
    assert maya.post(f"{flows.url}/name", {"name": "Welcome (2)"}).status_code == 422
    assert maya.post(f"{flows.url}/name", {"name": "Hello", "description": "For new ones"}).status_code == 303
    assert maya.post(f"{flows.url}/archive").status_code == 303
    assert maya.get(f"{flows.url}/edit").status_code == 303
    assert maya.post(f"{flows.url}/restore").status_code == 303
    assert flows.flow().state == "draft"


def test_a_flow_that_was_approved_a_year_ago_waits_on_the_first_page(flows: Flows) -> None:
    flows.active()
    maya = flows.maya()
    assert "To be approved again" not in words(maya.get("/"))
    with flows.bank.unit() as session:
        approval = session.execute(select(Approval).where(Approval.subject_id == flows.id)).scalar_one()
        approval.decided_at = clock.now() - timedelta(days=340)
    assert "To be approved again: “Welcome”" in words(maya.get("/"))
    assert "submit it again, as it is or changed" in words(maya.get(flows.url))
    assert "To be approved again" not in words(flows.bank.browser("viewer").get("/"))
    assert maya.post(f"{flows.url}/submit").status_code == 303
    assert "To be approved again" not in words(maya.get("/"))


def test_a_system_is_registered_by_one_and_told_nothing_before_another_agrees(flows: Flows) -> None:
    maya = flows.maya()
    assert maya.post("/flows/destinations/new", {"name": "CRM", "url": "ftp://x", "fields": "city"}).status_code == 422
    made = maya.post("/flows/destinations/new", {"name": "CRM", "url": "https://crm.example/in", "fields": "city"})
    assert "only time the secret is shown" in words(made)
    with flows.bank.unit() as session:
        found = session.execute(select(FlowDestination)).scalar_one()
        assert found.approved_at is None
    adam = flows.bank.browser("admin")
    assert "Let flows tell a system something" in words(adam.get(f"/approvals/{found.approval_id}"))
    assert adam.post(f"/approvals/{found.approval_id}/approve").status_code == 303
    assert "Approved" in words(maya.get("/flows/destinations"))
    assert maya.post(f"/flows/destinations/{found.id}/archive").status_code == 303


def test_people_in_a_flow_are_listed_read_and_taken_out(flows: Flows) -> None:
    flows.active()
    flows.enter()
    maya = flows.maya()
    page = maya.get(f"{flows.url}/people?state=active&step=s2")
    assert "Wait 3 days" in words(page)
    found = re.search(r'name="run" value="([^"]+)"', page.get_data(as_text=True))
    assert found
    person = maya.get(f"{flows.url}/people/{found[1]}")
    assert re.search(r'<h1><a href="/contacts/[^"]+"><bdi>\w•', person.get_data(as_text=True))
    assert "Customer number 500" in words(person)
    assert maya.post(f"{flows.url}/people", {"do": "take_out", "run": found[1], "reason": ""}).status_code == 422
    assert (
        maya.post(f"{flows.url}/people", {"do": "take_out", "run": found[1], "reason": "He asked."}).status_code == 303
    )
    person = words(maya.get(f"{flows.url}/people/{found[1]}"))
    assert "Was taken out by" in person
    assert "He asked." in person
    assert "Nobody is here" in words(maya.get(f"{flows.url}/people?state=active", htmx=True))


def test_an_act_on_nobody_asks_to_tick_somebody_where_one_is(flows: Flows) -> None:
    flows.active()
    flows.enter()
    maya = flows.maya()
    for do in ("retry", "skip", "move", "take_out"):
        answer = maya.post(f"{flows.url}/people?state=active", {"do": do, "step": "s3", "reason": "He asked."})
        assert (answer.status_code, "Tick the people this is about: at least one." in words(answer)) == (422, True), do
        assert 'value="He asked."' in answer.get_data(as_text=True)
    assert "Done for" not in words(maya.get(flows.url))


def test_an_act_that_fits_nobody_is_not_called_done(flows: Flows) -> None:
    flows.active()
    flows.enter()
    maya = flows.maya()
    page = maya.get(f"{flows.url}/people").get_data(as_text=True)
    run = re.search(r'name="run" value="([^"]+)"', page)
    assert run
    back = maya.post(f"{flows.url}/people?state=active", {"do": "retry", "run": run[1], "reason": "Again."})
    assert back.location == f"{flows.url}/people?state=active"
    assert "it fits none of the people you chose" in words(maya.get(back.location))


def test_taking_people_out_is_asked_with_their_number(flows: Flows) -> None:
    flows.active()
    flows.enter()
    page = flows.maya().get(f"{flows.url}/people").get_data(as_text=True)
    button = re.search(r'<button[^>]*value="take_out"[^>]*>', page)
    assert button
    assert 'data-confirm-of="run"' in button[0]
    assert "Take {number} people out of the flow?" in button[0]
    assert "Take this person out of the flow?" in button[0]


def test_the_history_and_the_audit_log_say_what_was_done_with_how_many_people(flows: Flows) -> None:
    flows.active()
    flows.enter()
    maya = flows.maya()
    flows.op(maya, "insert", type="exit")
    run = re.search(r'name="run" value="([^"]+)"', maya.get(f"{flows.url}/people").get_data(as_text=True))
    assert run
    maya.post(f"{flows.url}/people", {"do": "take_out", "run": run[1], "reason": "He asked."})
    assert "Took 1 person out of the flow" in words(maya.get(f"{flows.url}/history"))
    log = words(flows.bank.browser("auditor").get("/audit"))
    assert "Took 1 person out of the flow" in log
    assert "What was changed A step was added" in log
    assert "Did something with people" not in log.split("Origin")[1]


def test_a_dry_run_shows_the_way(flows: Flows) -> None:
    maya, url = flows.maya(), f"{flows.url}/rehearsal"
    assert "Walk the draft" in words(maya.get(url))
    shown = words(maya.post(url, {"contact": "3", "at": "2026-12-01T08:00"}))
    assert "This way would be gone" in shown
    assert "Welcome to the bank." in shown
    assert "There is no such contact" in words(maya.post(url, {"contact": "no such"}))
    assert "Asia/Tokyo" not in shown
    with flows.bank.unit() as session:
        session.execute(update(Contact).values(timezone="Asia/Tokyo"))
    shown = words(maya.post(url, {"contact": "3", "at": "2026-12-01T08:00"}))
    assert "until 04/12/2026, 08:00 ( 04/12/2026, 15:00 Asia/Tokyo )" in shown


def test_a_dry_run_shows_the_subject_of_an_e_mail_above_its_text(flows: Flows) -> None:
    with flows.bank.unit() as session:
        sending.account(session, "email")
        text = sending.email_template(session).id
    lane = [{"id": "s1", "type": "send_email", "config": {"template_id": str(text)}}]
    flow_id = flows.made("By mail", {"trigger": {"type": "api"}, "lane": lane})
    answer = flows.maya().post(f"/flows/{flow_id}/rehearsal", {"contact": "3"})
    assert '<div class="letter"><strong dir="auto">An offer</strong><p' in answer.get_data(as_text=True)


def test_who_only_reads_sees_the_flow_and_no_editor(flows: Flows) -> None:
    viewer = flows.bank.browser("viewer")
    assert "Wait 3 days" in words(viewer.get(flows.url))
    for url in (f"{flows.url}/edit", f"{flows.url}/steps/s1", "/flows/new"):
        assert viewer.get(url).status_code == 403
    assert viewer.post(f"{flows.url}/ops", {"op": "delete", "id": "s1"}).status_code == 403
