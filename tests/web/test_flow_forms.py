"""The panel of the flow editor: every kind of step and trigger has its form."""

import pytest
from sqlalchemy import select

from app.domain.flows.definition import parse
from app.domain.flows.models import Flow
from tests.web.flows import Flows, Form, flows, saved, words

__all__ = ["flows"]


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


def test_events_that_only_a_page_told_begin_a_flow_where_somebody_ticked_it(flows: Flows) -> None:
    maya, url = flows.maya(), f"{flows.url}/steps/trigger"
    assert saved(maya, url, {"event": "login"}, kind="event").status_code == 200
    assert 'name="unverified"' in (panel := maya.get(url, htmx=True).get_data(as_text=True))
    assert "unverified" not in Form(panel).values
    assert saved(maya, url, {"unverified": "y"}).status_code == 200
    assert "unverified" in Form(maya.get(url, htmx=True).get_data(as_text=True)).values


def test_the_ready_made_flow_of_the_site_begins_with_what_the_site_tells(flows: Flows) -> None:
    assert flows.maya().post("/flows/new", {"name": "Begun", "like": "application"}).status_code == 303
    with flows.bank.unit() as session:
        made = session.execute(select(Flow).where(Flow.name == "Begun")).scalar_one()
        assert made.definition["trigger"]["config"]["unverified"] is True


@pytest.mark.parametrize("kind", ["wait_for", "goal", "rules"])
def test_what_happens_has_the_fields_of_an_event_or_of_a_message(flows: Flows, kind: str) -> None:
    maya = flows.maya()
    flows.op(maya, "insert", type="goal" if kind == "rules" else kind, lane="root", index="0")
    url = f"{flows.url}/steps/{'rules' if kind == 'rules' else 's4'}"
    of_event, of_message = {"event", "property_0", "op_0", "value_1"}, {"step"}
    shown = Form(maya.get(url, htmx=True).get_data(as_text=True)).values
    assert of_event <= shown.keys()
    assert not of_message & shown.keys()
    looked = maya.post(f"{url}/form", shown | {"did": "clicked"}, htmx=True)
    other = Form(looked.get_data(as_text=True)).values
    assert (looked.status_code, other["did"]) == (200, "clicked")
    assert of_message <= other.keys()
    assert not of_event & other.keys()
    assert flows.flow().revision == 2  # looked at, not kept
    assert (answer := maya.post(url, other, htmx=True)).status_code == 200, words(answer)
    assert Form(maya.get(url, htmx=True).get_data(as_text=True)).values["did"] == "clicked"
    back = maya.post(f"{url}/form", other | {"did": ""}).get_data(as_text=True)  # the whole page, without script
    assert of_event <= Form(back).values.keys()


def test_the_panel_says_whose_opens_count_and_what_silence_means(flows: Flows) -> None:
    maya = flows.maya()
    for kind in ("review", "wait_for"):
        flows.op(maya, "insert", type=kind, lane="root", index="0")
    assert "If nobody has decided by then, it counts as refused." in words(maya.get(f"{flows.url}/steps/s4"))
    for url, kind in ((f"{flows.url}/steps/s5/form", ""), (f"{flows.url}/steps/trigger/form", "message")):
        said = {did: words(maya.post(url, {"did": did, "type": kind}, htmx=True)) for did in ("opened", "delivered")}
        assert ["a headless browser" in one for one in said.values()] == [True, False]


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


def test_what_a_branch_was_called_is_kept_on_the_way_to_its_conditions(flows: Flows) -> None:
    maya, url = flows.maya(), f"{flows.url}/steps/s4"
    flows.op(maya, "insert", type="split", lane="root", index="0")
    values = {"revision": "2", "b1.label": "Northern", "do": "condition:b1"}
    for answer in (maya.post(url, values), maya.post(url, values | {"revision": "3"}, htmx=True)):
        assert (answer.headers.get("HX-Redirect") or answer.location) == f"{url}/branches/b1"
    assert "Northern" in words(maya.get(f"{url}/branches/b1"))
    late = maya.post(url, {**values, "b1.label": "Late"}, htmx=True)
    assert "HX-Redirect" not in late.headers


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
