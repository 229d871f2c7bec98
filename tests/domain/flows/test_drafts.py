"""Drafts: revisions, undo and redo, two editors at once, names, what a flow uses, who wrote it."""

import random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.audit import trail
from app.domain.flows import drafts
from app.domain.flows.drafts import FlowInput
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people


@pytest.fixture
def maya(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "marketer", "maya")


@pytest.fixture
def flow(session: Session, maya: Actor) -> Flow:
    return drafts.create(session, FlowInput(name="Welcome"), by=maya)


def insert(session: Session, flow: Flow, by: Actor, kind: str = "tag", **where: Any) -> Flow:
    return drafts.edit(session, flow.id, Edit(op="insert", type=kind, **where), by=by)


def test_every_change_is_a_revision_and_a_stale_one_is_refused(session: Session, flow: Flow, maya: Actor) -> None:
    insert(session, flow, maya)
    assert flow.revision == 2
    with pytest.raises(Stale):
        drafts.edit(session, flow.id, Edit(op="insert", type="tag"), revision=1, by=maya)
    same = drafts.edit(session, flow.id, Edit(op="configure", id="s1"), revision=2, by=maya)
    assert same.revision == 2  # nothing was different


def test_undo_goes_back_step_by_step_and_redo_forward_again(session: Session, flow: Flow, maya: Actor) -> None:
    seen = [flow.definition, *(insert(session, flow, maya, kind).definition for kind in ("tag", "wait", "exit"))]
    for before in reversed(seen[:-1]):
        assert drafts.undo(session, flow.id, by=maya).definition == before
    with pytest.raises(Conflict, match="nothing to undo"):
        drafts.undo(session, flow.id, by=maya)
    for after in seen[1:]:
        assert drafts.redo(session, flow.id, by=maya).definition == after
    with pytest.raises(Conflict, match="nothing to redo"):
        drafts.redo(session, flow.id, by=maya)


def test_what_was_undone_is_gone_for_redo_once_something_else_is_done(
    session: Session, flow: Flow, maya: Actor
) -> None:
    insert(session, flow, maya, "tag")
    drafts.undo(session, flow.id, by=maya)
    other = insert(session, flow, maya, "wait").definition
    assert drafts.can_travel(session, flow) == (True, False)
    drafts.undo(session, flow.id, by=maya)
    assert drafts.redo(session, flow.id, by=maya).definition == other


def test_a_new_name_is_not_undone(session: Session, flow: Flow, maya: Actor) -> None:
    before = flow.definition
    insert(session, flow, maya)
    drafts.update(session, flow.id, FlowInput(name="Hello", definition=flow.definition), by=maya)
    assert drafts.undo(session, flow.id, by=maya).definition == before
    assert flow.name == "Hello"
    assert drafts.can_travel(session, flow) == (False, True)


def test_no_id_is_used_twice_whatever_was_deleted_or_undone(session: Session, flow: Flow, maya: Actor) -> None:
    insert(session, flow, maya)
    drafts.edit(session, flow.id, Edit(op="delete", id="s1"), by=maya)
    assert insert(session, flow, maya).definition["lane"][0]["id"] == "s2"
    drafts.undo(session, flow.id, by=maya)
    assert insert(session, flow, maya).definition["lane"][0]["id"] == "s3"


@pytest.mark.parametrize("seed", range(6))
def test_undo_restores_exactly_after_any_walk(session: Session, flow: Flow, maya: Actor, seed: int) -> None:
    draw, past, future = random.Random(seed), [flow.definition], list[dict[str, Any]]()
    for _ in range(25):
        act = draw.choice(["edit", "edit", "undo", "redo"])
        if act == "edit":
            insert(session, flow, maya, draw.choice(["tag", "split", "wait"]), index=draw.randrange(3))
            past, future = [*past, flow.definition], []
        elif act == "undo" and len(past) > 1:
            future.append(past.pop())
            drafts.undo(session, flow.id, by=maya)
        elif act == "redo" and future:
            past.append(future.pop())
            drafts.redo(session, flow.id, by=maya)
        assert flow.definition == past[-1]
        assert drafts.can_travel(session, flow) == (len(past) > 1, bool(future))


def test_names_are_taken_only_by_what_is_not_put_away(session: Session, flow: Flow, maya: Actor) -> None:
    with pytest.raises(Invalid, match="already"):
        drafts.create(session, FlowInput(name="welcome"), by=maya)
    assert drafts.clone(session, flow.id, by=maya).name == "Welcome (2)"
    assert [one.name for one in drafts.listed(session, Ask(), by=maya, text="elc").items] == ["Welcome (2)", "Welcome"]


def test_a_segment_that_a_flow_uses_cannot_be_archived(session: Session, flow: Flow, maya: Actor) -> None:
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = segments.create(session, SegmentInput(name="Haifa", definition=where), by=maya)
    begin = Edit(op="trigger", type="segment_enter", config={"segment_id": str(segment.id)})
    drafts.edit(session, flow.id, begin, by=maya)
    with pytest.raises(Conflict, match="Welcome"):
        segments.archive(session, segment.id, by=maya)
    drafts.undo(session, flow.id, by=maya)
    segments.archive(session, segment.id, by=maya)


def test_a_condition_names_nobody_and_is_kept_in_its_normal_form(session: Session, flow: Flow, maya: Actor) -> None:
    insert(session, flow, maya, "split")
    asked = {"kind": "field", "field": "email", "op": "eq", "value": "dana@mail.example"}
    with pytest.raises(Invalid, match="Name people by a segment"):
        drafts.edit(session, flow.id, Edit(op="branches", id="s1", branches=({"key": "b1", "when": asked},)), by=maya)  # type: ignore[arg-type]
    score = {"kind": "field", "field": "engagement_score", "op": "gte", "value": "7.0"}
    drafts.edit(session, flow.id, Edit(op="branches", id="s1", branches=({"key": "b1", "when": score},)), by=maya)  # type: ignore[arg-type]
    assert flow.definition["lane"][0]["branches"][0]["when"]["where"]["value"] == "7.0"


def test_what_was_changed_by_whom_is_in_the_audit_trail_without_the_tree(
    session: Session, flow: Flow, maya: Actor
) -> None:
    insert(session, flow, maya)
    session.commit()
    auditor = people.staff(session, "auditor")
    acts = trail.entries(session, Ask(), by=auditor, subject=("flow", str(flow.id))).items
    assert [(one.action, one.after) for one in acts] == [
        ("flow.changed", {"operation": "insert", "revision": 2}), ("flow.created", {"name": "Welcome"}),
    ]  # fmt: skip


def test_who_may_only_read_changes_nothing(session: Session, flow: Flow) -> None:
    viewer = people.staff(session, "viewer")
    with pytest.raises(Forbidden):
        insert(session, flow, viewer)
    with pytest.raises(NotFound):
        drafts.get(session, uuid4(), by=viewer)
