"""Flow pages as a person without script uses them, and the parts the editor asks for."""

import io
import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core import clock
from app.domain.flows import drafts, lifecycle
from app.domain.flows.definition import parse
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow, FlowDestination, FlowRun
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people, sending
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser, House


class Flows:
    """The marketer's flow, and what he does with it."""

    def __init__(self, campaigns: Campaigning) -> None:
        self.bank: House = campaigns.bank
        self.code = campaigns.code
        with self.bank.unit() as session:
            self.template = sending.sms_template(session, "Welcome to the bank.", message_class="service").id
            where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
            by = self.bank.staff["operator"]
            self.segment = segments.create(
                session, SegmentInput(name="Haifa", definition=where), by=_system(self.bank)
            ).id
            assert by
        self.id = self.made("Welcome", self.plain())

    def plain(self) -> dict[str, Any]:
        return {
            "trigger": {"type": "segment_enter", "config": {"segment_id": str(self.segment)}},
            "lane": [
                {"id": "s1", "type": "send_sms", "config": {"template_id": str(self.template)}},
                {"id": "s2", "type": "wait", "config": {"days": 3}},
                {"id": "s3", "type": "exit"},
            ],
        }

    def made(self, name: str, definition: dict[str, Any]) -> UUID:
        with self.bank.unit("marketer") as session:
            return drafts.create(
                session, FlowInput(name=name, definition=definition), by=self.bank.staff["marketer"]
            ).id

    @property
    def url(self) -> str:
        return f"/flows/{self.id}"

    def flow(self) -> Flow:
        with self.bank.unit() as session:
            return session.get_one(Flow, self.id)

    def steps(self) -> list[str]:
        return [step.id for step in parse(self.flow().definition).steps()]

    def maya(self) -> Browser:
        return self.bank.browser("marketer")

    def op(self, browser: Browser, op: str, **values: Any) -> Any:
        revision = values.pop("revision", self.flow().revision)
        return browser.post(f"{self.url}/ops", {"op": op, "revision": revision, **values}, htmx=True)

    def active(self) -> None:
        with self.bank.unit("marketer") as session:
            lifecycle.submit(session, self.id, by=self.bank.staff["marketer"])
        with self.bank.unit("admin") as session:
            lifecycle.approve(session, self.id, by=self.bank.staff["admin"])
        with self.bank.unit("marketer") as session:
            lifecycle.activate(session, self.id, by=self.bank.staff["marketer"])

    def enter(self) -> None:
        with self.bank.unit() as session:
            flow = session.get_one(Flow, self.id)
            session.add(FlowRun(
                organisation_id=flow.organisation_id, flow_id=flow.id, version_id=flow.version_id, step="s2",
                contact_id=people.contacts(session, 1, start=500)[0], arrived_at=clock.now(), entered_at=clock.now(),
            ))  # fmt: skip


def _system(bank: House) -> Any:
    from app.core.actor import system

    return system(bank.organisation_id)


@pytest.fixture
def flows(campaigns: Campaigning) -> Flows:
    return Flows(campaigns)


class Form(HTMLParser):
    """What a browser would send of the form of the panel."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self.inside, self.open, self.first = False, "", True
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = given.get("class") == "stack"
        if not self.inside:
            return
        if tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.values[given["name"]] = given.get("value", "")
        elif tag in ("select", "textarea"):
            self.open, self.first = given["name"], True
            self.values.setdefault(self.open, "")
        elif tag == "option" and (self.first or "selected" in given):
            self.values[self.open], self.first = given.get("value", ""), False


def saved(browser: Browser, url: str, values: dict[str, Any], *, kind: str = "") -> Any:
    """Fill in the panel's form and send it."""
    other = url.replace("/steps/trigger", "/trigger")
    shown = browser.post(other, {"type": kind}, htmx=True) if kind else browser.get(url, htmx=True)
    assert shown.status_code == 200
    return browser.post(url, Form(shown.get_data(as_text=True)).values | values, htmx=True)


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


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
    assert flows.flow().definition["lane"] == [{"id": "s1", "type": "wait", "config": {"days": 3} | _WAIT}]


_WAIT = {"hours": 0, "minutes": 0, "business_days": False}


def test_without_script_a_plus_leads_to_the_choice_and_back(flows: Flows) -> None:
    maya = flows.maya()
    page = maya.get(f"{flows.url}/add?lane=root&index=1")
    assert "Add a step here" in words(page)
    values = {"op": "insert", "type": "exit", "lane": "root", "index": "1", "revision": "1"}
    assert maya.post(f"{flows.url}/ops", values).status_code == 303
    assert flows.steps() == ["s1", "s4", "s2", "s3"]


KINDS = {
    "send_email": {}, "update_contact": {"field_0": "city", "value_0": "Haifa"}, "tag": {"add": "vip, new"},
    "wait": {"days": "2", "hours": "1"}, "wait_until": {"at": "10:30", "weekdays": ["0", "3"], "zone": "contact"},
    "wait_for": {"did": "", "event": "login", "property_0": "amount", "op_0": "gte", "value_0": "5", "days": "3",
                 "op_1": "eq", "since": "entry"},
    "goal": {"did": "clicked", "step": "s1", "window_days": "9", "then": "exit", "op_0": "eq", "op_1": "eq"},
    "exit": {"reason": "Through"}, "go_to": {"target": "s1", "max_visits": "2"},
    "notify": {"role": "operator", "text": "Look."}, "review": {"role": "admin", "question": "Well?", "days": "4"},
    "webhook": {}, "split": {}, "ab_split": {"a.percent": "30", "b.percent": "70", "a.label": "First"},
}  # fmt: skip
KEPT = {
    "update_contact": {"set": {"city": "Haifa"}}, "tag": {"add": ["vip", "new"], "remove": []},
    "wait": {"days": 2, "hours": 1} | {"minutes": 0, "business_days": False},
    "wait_until": {"at": "10:30", "weekdays": [0, 3], "offset_days": 0, "zone": "contact"},
    "exit": {"reason": "Through"}, "go_to": {"target": "s1", "max_visits": 2},
    "notify": {"role": "operator", "text": "Look."},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_has_its_form(flows: Flows, kind: str) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type=kind, lane="root", index="0")
    url = f"{flows.url}/steps/s4"
    assert maya.get(url).status_code == 200  # the whole page, without script
    panel = maya.get(url, htmx=True)
    assert panel.get_data(as_text=True).lstrip().startswith('<aside id="panel"')
    answer = saved(maya, url, KINDS[kind])
    assert answer.status_code == 200, words(answer)
    step = parse(flows.flow().definition).step("s4")
    assert step is not None
    if kind in KEPT:
        assert step.config.dump() == KEPT[kind]
    if kind == "ab_split":
        assert [(one.label, one.percent) for one in step.branches] == [("First", 30), ("", 70)]
    if kind in ("wait_for", "goal", "review"):
        again = maya.get(url, htmx=True).get_data(as_text=True)
        assert all(
            f'value="{value}"' in again or f">{value}<" in again for value in KINDS[kind].values() if value.isdigit()
        )


TRIGGERS = {
    "event": {"event": "login", "key": "loan", "op_0": "eq", "unverified": "y"},
    "segment_enter": {"existing": "y"}, "segment_leave": {}, "date": {"field": "created_at", "offset_days": "-3", "at": "08:00"},
    "schedule": {"at": "08:00", "weekdays": ["6"], "days": "1, 15"}, "message": {"did": "replied", "contains": "yes"},
    "api": {}, "month_qualified": {"outcome": "qualified"},
}  # fmt: skip


@pytest.mark.parametrize("kind", TRIGGERS)
def test_every_kind_of_trigger_has_its_form(flows: Flows, kind: str) -> None:
    maya, url = flows.maya(), f"{flows.url}/steps/trigger"
    answer = saved(maya, url, {"reentry": "30", **TRIGGERS[kind]}, kind=kind)
    assert answer.status_code == 200, words(answer)
    found = parse(flows.flow().definition)
    assert (found.trigger_type, found.trigger.reentry) == (kind, 30)


def test_the_rules_of_the_whole_are_kept(flows: Flows) -> None:
    values = {"did": "unsubscribed", "late": "skip", "late_hours": "48", "holdout_percent": "5"}
    answer = saved(flows.maya(), f"{flows.url}/steps/rules", values)
    assert answer.status_code == 200, words(answer)
    rules = parse(flows.flow().definition).rules
    assert (rules.late, rules.late_hours, str(rules.holdout_percent)) == ("skip", 48, "5")
    assert rules.exits[0].did == "unsubscribed"


def test_what_does_not_fit_stays_in_its_field_with_a_sentence(flows: Flows) -> None:
    refused = flows.maya().post(f"{flows.url}/steps/s2", {"revision": "1", "days": "99999"}, htmx=True)
    assert refused.status_code == 422
    assert refused.headers["HX-Retarget"] == "#panel"
    assert "out of range" in words(refused)
    assert 'value="99999"' in refused.get_data(as_text=True)


def test_a_step_that_somebody_else_changed_keeps_what_was_typed(flows: Flows) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type="tag")
    late = maya.post(f"{flows.url}/steps/s2", {"revision": "1", "days": "7"}, htmx=True)
    assert late.status_code == 409
    assert 'value="7"' in late.get_data(as_text=True)
    gone = flows.op(maya, "delete", id="s2")
    assert gone.status_code == 200
    assert maya.post(f"{flows.url}/steps/s2", {"revision": "3", "days": "7"}, htmx=True).status_code == 404


def test_the_condition_of_a_branch_is_made_in_the_builder_of_segments(flows: Flows) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type="split", lane="root", index="0")
    url = f"{flows.url}/steps/s4/branches/b1"
    page = maya.get(url)
    assert 'id="builder"' in page.get_data(as_text=True)
    values = {"t": ["g:g1", "r:r1", "/"], "g1.conj": "all", "r1.field": "city", "r1.was": "city", "r1.op": "eq",
              "r1.v": "Haifa", "zone": "organisation"}  # fmt: skip
    answer = maya.post(url, {"revision": "2", **values})
    assert answer.status_code == 303, words(answer)
    assert "Haifa" in words(maya.get(f"{flows.url}/steps/s4", htmx=True))
    refused = maya.post(url, {"revision": "3", **values, "r1.v": ""})
    assert refused.status_code == 422
    late = maya.post(url, {"revision": "1", **values})
    assert late.status_code in (409, 412)
    assert "Haifa" in late.get_data(as_text=True)


def test_a_branch_may_be_a_segment_and_branches_come_and_go(flows: Flows) -> None:
    maya, url = flows.maya(), f"{flows.url}/steps/s4"
    flows.op(maya, "insert", type="split", lane="root", index="0")
    maya.post(url, {"revision": "2", "b1.segment": str(flows.segment), "b1.label": "Northern", "do": "add"}, htmx=True)
    step = parse(flows.flow().definition).step("s4")
    assert step is not None
    assert [(one.key, one.label, one.when is not None) for one in step.branches] == [
        ("b1", "Northern", True), ("b2", "", False), ("else", "", False),
    ]  # fmt: skip
    maya.post(url, {"revision": "3", "do": "up:b2"}, htmx=True)
    maya.post(url, {"revision": "4", "do": "remove:b2"}, htmx=True)
    step = parse(flows.flow().definition).step("s4")
    assert step is not None
    assert [one.key for one in step.branches] == ["b1", "else"]


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
    said = words(flows.bank.browser("admin").get(f"{flows.url}/review"))
    assert "at “Wait 3 days” of version 1 move to “End of the way”" in said
    assert "What is different from what runs" in said


def test_a_changed_text_is_told_on_the_page_of_what_runs(flows: Flows) -> None:
    from app.domain.content import library
    from app.domain.content.library import Said, TemplateInput

    flows.active()
    with flows.bank.unit() as session:
        old = library.as_input(session, session.get_one(library.Template, flows.template))
        new = TemplateInput(**{**old.model_dump(), "texts": {"en": Said(body="Other.")}})
        library.update(session, flows.template, new, by=_system(flows.bank))
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


def test_who_only_reads_sees_the_flow_and_no_editor(flows: Flows) -> None:
    viewer = flows.bank.browser("viewer")
    assert "Wait 3 days" in words(viewer.get(flows.url))
    for url in (f"{flows.url}/edit", f"{flows.url}/steps/s1", "/flows/new"):
        assert viewer.get(url).status_code == 403
    assert viewer.post(f"{flows.url}/ops", {"op": "delete", "id": "s1"}).status_code == 403
