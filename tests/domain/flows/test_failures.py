"""What fails is tried again, then waits for a person; one who cannot go on stops nobody else; too many stop the flow."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.page import Ask
from app.domain.flows import acts, health
from app.domain.flows import people as crowd
from app.domain.flows.batch import Batch, Outcome, Pass, Run
from app.domain.flows.engine import Node
from app.domain.flows.models import Flow, FlowLog, FlowRun
from app.domain.flows.people import Act, Wanted
from app.domain.notices.models import Notice
from app.domain.segments import library
from tests.factories import people
from tests.factories.flows import branch, enter, flow, path, places, run_of, step, walk

pytestmark = pytest.mark.usefixtures("organisation")
HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}


class Broken:
    """A kind of step that fails: for everybody, or for a few by what the database says."""

    def __init__(self) -> None:
        self.refused = True
        self.of: set[Any] = set()

    def __call__(self, batch: Batch, _node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
        if self.refused:
            raise Conflict("It is out of order.")
        if bad := self.of & {run.contact_id for run in runs}:
            batch.session.execute(text("SELECT CAST(:said AS int)"), {"said": str(bad)})
        return [(run, Pass("next")) for run in runs]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Broken:
    made = Broken()
    monkeypatch.setitem(acts.ACTS, "notify", made)  # type: ignore[arg-type]
    return made


def breaking(session: Session, name: str = "A flow", **rules: Any) -> Flow:
    return flow(
        session,
        step("tag", "tag", add=["x"]),
        step("tell", "notify", role="operator", text="Hello"),
        name=name,
        **rules,
    )


def tried(session: Session, *hours: float) -> None:
    for one in hours:
        with clock.at(clock.now() + timedelta(hours=one)):
            walk(session)


def test_a_step_that_fails_is_tried_again_and_what_was_done_stays(session: Session, broken: Broken) -> None:
    made = breaking(session)
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    run = run_of(session, one)
    assert (run.state, run.step, run.attempts, run.failure) == ("active", "tell", 1, "It is out of order.")
    assert run.due_at is not None
    assert timedelta(seconds=50) < run.due_at - clock.now() < timedelta(seconds=70)
    assert walk(session) == 0
    broken.refused = False
    tried(session, 0.1)
    assert places(session, made) == {"finished": 1}
    assert path(session, run.id) == ["entered tag", "passed tag next", "retried tell", "passed tell next", "finished"]


@pytest.mark.usefixtures("broken")
def test_after_the_last_try_it_has_failed_and_keeps_its_place(session: Session) -> None:
    made = breaking(session)
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    tried(session, 0.1, 1, 2, 3, 4)
    run = run_of(session, one)
    assert (run.state, run.step, run.failure) == ("failed", "tell", "It is out of order.")
    assert Counter(path(session, run.id))["retried tell"] == 3
    assert enter(session, made, [one]) == 0, "he is in it still"


def test_what_the_database_refuses_of_one_stops_nobody_else(session: Session, broken: Broken) -> None:
    made, them = breaking(session), people.contacts(session, 9)
    broken.refused, broken.of = False, {them[4]}
    enter(session, made, them)
    walk(session)
    assert places(session, made) == {"finished": 8, "tell": 1}
    assert run_of(session, them[4]).failure == "What this step would write cannot be kept."


# --- too many


def fail_all(session: Session, made: Flow, broken: Broken, number: int, start: int) -> None:
    them = people.contacts(session, number, start=start)
    broken.refused = True
    enter(session, made, them)
    walk(session)
    tried(session, 0.1, 0.3)
    with clock.at(clock.now() + timedelta(hours=0.9)):
        walk(session)


def test_a_flow_in_which_too_many_fail_stops_itself_and_says_so(session: Session, broken: Broken) -> None:
    made = breaking(session)
    operator = people.staff(session, "operator")
    broken.refused = False
    enter(session, made, people.contacts(session, 47))
    walk(session)
    fail_all(session, made, broken, 2, 100)
    with clock.at(clock.now() + timedelta(hours=0.95)):
        assert health.pause_failing(session) == 0, "49 people are too few to tell"
    broken.refused = False
    enter(session, made, people.contacts(session, 10, start=200))
    walk(session)
    with clock.at(clock.now() + timedelta(hours=0.95)):
        assert health.pause_failing(session) == 0, "2 of 59"
    fail_all(session, made, broken, 2, 300)
    with clock.at(clock.now() + timedelta(hours=0.95)):
        assert health.pause_failing(session) == 1, "4 of 61"
        assert health.pause_failing(session) == 0
    session.refresh(made)
    assert made.state == "paused"
    assert session.execute(select(Notice.subject)).scalars().all() == ["The flow “A flow” has stopped itself"]
    assert operator.id


# --- what staff may do


def failed_flow(session: Session, broken: Broken) -> tuple[Flow, list[Any]]:
    made = breaking(session)
    them = people.contacts(session, 2)
    enter(session, made, them)
    walk(session)
    tried(session, 0.1, 1, 2, 3)
    broken.refused = False
    return made, them


def chosen(session: Session, made: Flow, role: str = "operator", reason: str = "It is mended") -> Act:
    by = people.staff(session, role)
    return Act(crowd.ids(session, made.id, Wanted(), by=by), reason, by)


def test_those_who_failed_are_listed_and_tried_again(session: Session, broken: Broken) -> None:
    made, them = failed_flow(session, broken)
    act = chosen(session, made)
    page = crowd.listed(session, made.id, Ask(per_page=1), Wanted(state="failed", step="tell"), by=act.by)
    [(run, customer, number)] = [row[:3] for row in page.items]
    assert (run.contact_id, customer, number) == (them[1], "1", 1)
    assert page.next
    assert crowd.retry(session, made.id, act) == 2
    walk(session)
    assert places(session, made) == {"finished": 2}


def test_a_step_that_failed_is_passed_by(session: Session, broken: Broken) -> None:
    made, _ = failed_flow(session, broken)
    broken.refused = True
    assert crowd.skip(session, made.id, chosen(session, made)) == 2
    walk(session)
    assert places(session, made) == {"finished": 2}


def test_a_wait_is_ended_by_a_person(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=9))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    act = chosen(session, made)
    assert crowd.skip(session, made.id, act) == 1
    walk(session)
    assert places(session, made) == {"finished": 1}
    why = session.execute(select(FlowLog.why).where(FlowLog.kind == "passed")).scalar_one()
    assert why == {"by": act.by.name, "said": "It is mended"}


def test_people_are_moved_and_taken_out(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=9), step("later", "wait", days=1))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    act = chosen(session, made)
    before = session.execute(select(FlowRun.visit_id)).scalar_one()
    with pytest.raises(Invalid):
        crowd.move(session, made.id, "nowhere", act)
    crowd.move(session, made.id, "later", act)
    walk(session)
    assert places(session, made) == {"later": 1}
    assert session.execute(select(FlowRun.visit_id)).scalar_one() != before
    crowd.take_out(session, made.id, act)
    assert places(session, made) == {"left removed": 1}


def test_where_the_way_parts_nobody_is_passed_on(session: Session, broken: Broken) -> None:
    made = flow(session, step("wait", "wait", days=1), step("city", "split", [branch("h", when=HAIFA), branch("else")]))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    act = chosen(session, made)
    crowd.move(session, made.id, "city", act)
    with pytest.raises(Conflict):
        crowd.skip(session, made.id, act)
    assert broken


@pytest.mark.parametrize("is_approved", [True, False])
def test_a_colleague_of_the_role_that_was_asked_decides(session: Session, is_approved: bool) -> None:
    ways = [branch("approved", step("yes", "tag", add=["yes"])), branch("rejected", step("no", "tag", add=["no"]))]
    made = flow(session, step("ask", "review", ways, role="bank_officer", question="Is it right?"))
    officer = people.staff(session, "bank_officer")
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    assert places(session, made) == {"ask": 1}
    assert session.execute(select(Notice.body)).scalar_one().startswith("Is it right?")
    act = chosen(session, made, "marketer")
    with pytest.raises(Forbidden):
        crowd.decide(session, made.id, act, is_approved=is_approved)
    crowd.decide(session, made.id, Act(act.run_ids, "Looked at it", officer), is_approved=is_approved)
    walk(session)
    assert f"passed {'yes' if is_approved else 'no'} next" in path(session, run_of(session, one).id)


def test_nobody_does_it_without_the_right_and_a_reason(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=9))
    enter(session, made, people.contacts(session, 1))
    with pytest.raises(Forbidden):
        crowd.take_out(session, made.id, chosen(session, made, "viewer"))
    with pytest.raises(Invalid):
        crowd.take_out(session, made.id, chosen(session, made, reason=" "))


# --- the rules of the whole


def test_whoever_is_in_the_exit_segment_leaves_at_the_next_step(session: Session) -> None:
    by = people.staff(session, "marketer")
    haifa, other = people.contacts(session, 1, city="Haifa"), people.contacts(session, 1, start=1, city="Eilat")
    segment = library.create(session, library.SegmentInput(name="Haifa", definition={"where": HAIFA}), by=by)
    made = flow(session, step("wait", "wait", hours=1), step("more", "wait", hours=1), exit_segment_id=str(segment.id))
    enter(session, made, [*haifa, *other])
    walk(session)
    assert places(session, made) == {"wait": 1, "left segment": 1}


@pytest.mark.parametrize(
    ("late", "ends"), [("send", {"finished": 1}), ("skip", {"finished": 1}), ("leave", {"left late": 1})]
)
def test_what_comes_too_late_is_done_passed_by_or_ends(session: Session, late: str, ends: dict[str, int]) -> None:
    from tests.factories import sending

    text = sending.sms_template(session)
    made = flow(
        session, step("wait", "wait", hours=1), step("sms", "send_sms", template_id=str(text.id)), late=late, late_hours=5
    )  # fmt: skip
    enter(session, made, people.contacts(session, 1))
    walk(session)
    made.state = "paused"
    with clock.at(clock.now() + timedelta(hours=7)):
        made.state = "active"
        session.flush()
        walk(session)
    assert places(session, made) == ends
    whys = session.execute(select(FlowLog.why).where(FlowLog.step == "sms", FlowLog.kind == "passed")).scalars().all()
    assert whys == {"send": [None], "skip": [{"skipped": "late"}], "leave": []}[late]
