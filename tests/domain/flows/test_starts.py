"""Who begins a flow, how often, and when the clock says so."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.errors import Conflict, Invalid
from app.domain.access.models import Organisation
from app.domain.bank import programmes
from app.domain.bank.happenings import QualificationApproved
from app.domain.bank.models import Outcome, ProgrammeVersion, QualificationRun
from app.domain.contacts import profile, properties
from app.domain.contacts.models import Contact
from app.domain.flows import by_hand, clockwork, triggers
from app.domain.flows.models import Flow, FlowRun
from app.domain.segments import library, members
from tests.factories import people
from tests.factories.flows import enter, flow, places, run_of, step, walk

pytestmark = pytest.mark.usefixtures("organisation")
ISRAEL = ZoneInfo("Asia/Jerusalem")
WAIT = step("wait", "wait", hours=1)


def by_call(**config: Any) -> dict[str, Any]:
    return {"id": "trigger", "type": "api", "config": config}


def on_date(**config: Any) -> dict[str, Any]:
    return {"id": "trigger", "type": "date", "config": {"field": "properties.born", "at": "09:00", **config}}


def entered(session: Session, made: Flow) -> list[Any]:
    return list(
        session.execute(select(FlowRun.contact_id).where(FlowRun.flow_id == made.id).order_by(FlowRun.id)).scalars()
    )


def test_nobody_is_in_a_flow_twice_at_a_time(session: Session) -> None:
    made = flow(session, WAIT, trigger=by_call(reentry="always"))
    them = people.contacts(session, 2)
    assert enter(session, made, [*them, *them]) == 2
    assert enter(session, made, them) == 0
    walk(session)
    with clock.at(clock.now() + timedelta(hours=2)):
        walk(session)
        assert enter(session, made, them) == 2


@pytest.mark.parametrize(("reentry", "after_six_days", "after_eight"), [("never", 0, 0), (7, 0, 1), ("always", 1, 1)])
def test_who_was_in_it_enters_again_by_its_rule(
    session: Session, reentry: Any, after_six_days: int, after_eight: int
) -> None:
    for days, number in ((6, after_six_days), (8, after_eight)):
        made = flow(session, trigger=by_call(reentry=reentry), name=f"{reentry} {days}")
        them = people.contacts(session, 1, start=days)
        enter(session, made, them)
        with clock.at(clock.now() + timedelta(days=days)):
            assert enter(session, made, them) == number


def test_who_is_deleted_does_not_enter(session: Session, organisation: Organisation) -> None:
    made = flow(session, WAIT)
    stays, goes = people.contacts(session, 2)
    profile.delete(session, goes, by=system(organisation.id))
    assert enter(session, made, [stays, goes]) == 1
    assert entered(session, made) == [stays]


def test_the_control_group_is_of_its_size_always_the_same_and_goes_nowhere(session: Session) -> None:
    made = flow(session, WAIT, trigger=by_call(reentry="always"), holdout_percent="20")
    them = people.contacts(session, 500)
    assert enter(session, made, [*them, *them]) == 500
    walk(session)
    control = set(session.execute(select(FlowRun.contact_id).where(FlowRun.is_control)).scalars())
    assert 60 < len(control) < 140
    assert places(session, made) == {"wait": 500 - len(control), "finished control": len(control)}
    with clock.at(clock.now() + timedelta(hours=2)):
        walk(session)
        enter(session, made, them)
    again = session.execute(select(FlowRun.contact_id).where(FlowRun.is_control)).scalars().all()
    assert set(again) == control
    assert len(again) == 2 * len(control)


def test_another_system_puts_people_in(session: Session, organisation: Organisation) -> None:
    by = people.staff(session, "operator")
    made, other = flow(session, WAIT), flow(session, WAIT, trigger=on_date(), name="By itself")
    them = people.contacts(session, 2)
    assert by_hand.call(session, made.id, them, by=by) == 2
    assert by_hand.call(session, made.id, them, by=by) == 0
    assert by_hand.call(session, made.id, them, key="loan 1", by=by) == 2
    with pytest.raises(Conflict):
        by_hand.call(session, other.id, them, by=by)
    with pytest.raises(Invalid):
        by_hand.call(session, made.id, [], by=by)
    made.state = "paused"
    with pytest.raises(Conflict):
        by_hand.call(session, made.id, them, by=by)


def test_whoever_is_in_the_segment_already_begins_where_it_says_so(session: Session) -> None:
    by = people.staff(session, "marketer")
    haifa, _ = people.contacts(session, 1, city="Haifa"), people.contacts(session, 1, start=1, city="Eilat")
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = library.create(session, library.SegmentInput(name="Haifa", definition=where), by=by)
    trigger = {"id": "trigger", "type": "segment_enter", "config": {"segment_id": str(segment.id), "existing": True}}
    made = flow(session, WAIT, trigger=trigger)
    assert entered(session, made) == haifa


# --- by the clock


def tick(session: Session, made: Flow, since: datetime, until: datetime) -> int:
    """The minutes of a while go by."""
    made.looked_at = since
    session.flush()
    with clock.at(until):
        return clockwork.tick(session)


def today_at(hour: int, minute: int = 0, zone: ZoneInfo = ISRAEL) -> datetime:
    day = clock.today("Asia/Jerusalem")
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


@pytest.fixture
def born(session: Session, organisation: Organisation) -> None:
    new = properties.PropertyInput(key="born", label="Born", type="date")
    properties.define(session, new, by=system(organisation.id))


@pytest.mark.usefixtures("born")
def test_a_birthday_begins_at_nine_where_the_person_lives(session: Session) -> None:
    made = flow(session, WAIT, trigger=on_date(yearly=True))
    day = clock.today("Asia/Jerusalem").replace(year=1980)
    home = people.contacts(session, 1, properties={"born": day.isoformat()})
    london = people.contacts(session, 1, start=1, properties={"born": day.isoformat()}, timezone="Europe/London")
    people.contacts(session, 1, start=2, properties={"born": (day + timedelta(days=1)).isoformat()})
    people.contacts(session, 1, start=3)
    assert tick(session, made, today_at(8, 50), today_at(8, 59)) == 0
    assert tick(session, made, today_at(8, 59), today_at(9)) == 1
    assert entered(session, made) == home
    assert tick(session, made, today_at(9), today_at(12)) == 1
    assert entered(session, made) == [*home, *london]
    assert run_of(session, home[0]).key == str(clock.today("Asia/Jerusalem").year)


@pytest.mark.usefixtures("born")
def test_days_before_a_date_count_back_from_it(session: Session) -> None:
    made = flow(session, WAIT, trigger=on_date(offset_days=-3))
    day = clock.today("Asia/Jerusalem")
    meant = people.contacts(session, 1, properties={"born": (day + timedelta(days=3)).isoformat()})
    people.contacts(session, 1, start=1, properties={"born": day.isoformat()})
    tick(session, made, today_at(8), today_at(10))
    assert entered(session, made) == meant


@pytest.mark.usefixtures("born")
def test_what_an_outage_missed_begins_afterwards_once(session: Session) -> None:
    made = flow(session, WAIT, trigger=on_date())
    day = clock.today("Asia/Jerusalem")
    them = people.contacts(session, 1, properties={"born": day.isoformat()})
    assert tick(session, made, today_at(8), today_at(20)) == 1
    assert tick(session, made, today_at(8), today_at(20)) == 0
    assert entered(session, made) == them


@pytest.mark.usefixtures("born")
def test_what_is_too_late_does_not_begin_where_it_says_so(session: Session) -> None:
    made = flow(session, WAIT, trigger=on_date(), late="skip", late_hours=2)
    people.contacts(session, 1, properties={"born": clock.today("Asia/Jerusalem").isoformat()})
    assert tick(session, made, today_at(8), today_at(12)) == 0


@pytest.mark.parametrize(
    ("day", "is_meant"), [(date(2027, 2, 28), True), (date(2028, 2, 28), False), (date(2028, 2, 29), True)]
)
def test_the_last_of_february_is_kept_on_the_28th_of_common_years(session: Session, day: date, is_meant: bool) -> None:
    people.contacts(session, 1, properties={"born": "1996-02-29"})
    said = clockwork.contact.c.properties["born"].astext
    trigger = triggers.OnDate.model_validate({"field": "properties.born", "yearly": True})
    query = select(clockwork.contact.c.id).where(clockwork._falls(said, day, trigger))
    assert bool(session.execute(query).first()) is is_meant


def test_at_a_time_of_day_everybody_of_a_segment_begins(session: Session) -> None:
    by = people.staff(session, "marketer")
    them = people.contacts(session, 2)
    segment = library.create(session, library.SegmentInput(name="All", definition={"where": {"all": []}}), by=by)
    weekday = clock.today("Asia/Jerusalem").weekday()
    config = {"segment_id": str(segment.id), "at": "07:30", "weekdays": [weekday]}
    made = flow(session, WAIT, trigger={"id": "trigger", "type": "schedule", "config": config})
    assert tick(session, made, today_at(7, 20), today_at(7, 29)) == 0
    assert tick(session, made, today_at(7, 29), today_at(7, 31)) == 2
    assert sorted(entered(session, made)) == sorted(them)
    other = flow(
        session,
        WAIT,
        trigger={"id": "trigger", "type": "schedule", "config": config | {"weekdays": [(weekday + 1) % 7]}},
        name="Else",
    )
    assert tick(session, other, today_at(7, 29), today_at(7, 31)) == 0


def test_a_flow_without_a_clock_is_not_looked_at(session: Session) -> None:
    flow(session, WAIT)
    with clock.at(clock.now() + timedelta(days=1)):
        assert not clockwork.is_due(session)


@pytest.mark.parametrize(("kind", "enters"), [("segment_enter", "comes"), ("segment_leave", "goes")])
def test_who_comes_into_a_segment_or_leaves_it_begins(session: Session, kind: str, enters: str) -> None:
    by = people.staff(session, "marketer")
    them = dict(zip(("comes", "goes"), people.contacts(session, 2, city="Eilat"), strict=True))
    session.execute(update(Contact).where(Contact.id == them["goes"]).values(city="Haifa"))
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = library.create(session, library.SegmentInput(name="Haifa", definition=where), by=by)
    made = flow(session, WAIT, trigger={"id": "trigger", "type": kind, "config": {"segment_id": str(segment.id)}})
    members.refresh(session, segment, "recount")
    for name, city in (("comes", "Haifa"), ("goes", "Eilat")):
        session.execute(update(Contact).where(Contact.id == them[name]).values(city=city))
    moved = members.refresh(session, segment, "recount")
    said = {"entered": moved.entered, "left": moved.left, "reason": "recount", "version": 1}
    triggers.on_segment_moved(session, members.SegmentMoved(subject=segment.id, change=moved.change, **said))
    assert entered(session, made) == [them[enters]]


def test_a_segment_that_was_widened_after_the_approval_lets_nobody_more_begin(session: Session) -> None:
    by = people.staff(session, "marketer")
    people.contacts(session, 1, city="Eilat")
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = library.create(session, library.SegmentInput(name="Haifa", definition=where), by=by)
    made = flow(
        session, WAIT, trigger={"id": "trigger", "type": "segment_enter", "config": {"segment_id": str(segment.id)}}
    )
    members.refresh(session, segment, "recount")
    segment.definition = {"version": 1, "zone": "organisation", "where": {"all": []}}
    moved = members.refresh(session, segment, "definition")
    assert moved.entered == 1
    said = {"entered": 1, "left": 0, "reason": "definition", "version": 2}
    triggers.on_segment_moved(session, members.SegmentMoved(subject=segment.id, change=moved.change, **said))
    assert entered(session, made) == []


@pytest.mark.parametrize("outcome", ["qualified", "not_qualified"])
def test_a_month_that_was_approved_lets_begin_whoever_has_that_outcome(
    session: Session, organisation: Organisation, outcome: str
) -> None:
    by = system(organisation.id)
    programme_id = programmes.create(session, programmes.ProgrammeInput(name="Gold", threshold="100"), by=by).id
    them = dict(zip(("qualified", "not_qualified"), people.contacts(session, 2), strict=True))
    version_id = session.execute(select(ProgrammeVersion.id)).scalar_one()
    run = QualificationRun(
        organisation_id=organisation.id, programme_id=programme_id, programme_version_id=version_id, month=date(2026, 10, 1),
        version=1, state="approved", created_at=clock.now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    for name, contact_id in them.items():
        days = {"days_passed": 1, "days_required": 1, "missing": []}
        session.add(
            Outcome(organisation_id=organisation.id, run_id=run.id, contact_id=contact_id, outcome=name, **days)
        )
    session.flush()
    config = {"programme_id": str(programme_id), "outcome": outcome}
    made = flow(session, WAIT, trigger={"id": "trigger", "type": "month_qualified", "config": config})
    for _ in range(2):
        triggers.on_month_approved(session, QualificationApproved(subject=run.id))
    assert entered(session, made) == [them[outcome]]
    assert run_of(session, them[outcome]).key == "2026-10"
