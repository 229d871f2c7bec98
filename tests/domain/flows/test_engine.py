"""The engine against a naive interpreter, and its clock."""

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.flows import engine
from app.domain.flows.definition import Flowchart, Step, parse
from app.domain.flows.engine import Facts
from tests.factories.flows import branch, drawing, step

ISRAEL = "Asia/Jerusalem"
SEEDS = range(60)


def chart(*lane: dict[str, Any], **rules: Any) -> Flowchart:
    return parse(drawing(*lane, **rules))


def grown(dice: random.Random) -> Flowchart:
    """A random flow with every kind of branch, ends, and ways back."""
    made: list[str] = []

    def lane(depth: int) -> list[dict[str, Any]]:
        return [one(depth) for _ in range(dice.randint(0 if depth else 1, 3))]

    def ways(depth: int, *keys: str, **more: Any) -> list[dict[str, Any]]:
        return [branch(key, *lane(depth + 1), **more) for key in keys]

    def one(depth: int) -> dict[str, Any]:
        made.append(own := f"s{len(made)}")
        city = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
        flat = {
            "wait": lambda: step(own, "wait", hours=1),
            "tag": lambda: step(own, "tag", add=["x"]),
            "goal": lambda: step(own, "goal", event="paid", then=dice.choice(["exit", "continue"])),
            "exit": lambda: step(own, "exit"),
            "go_to": lambda: step(own, "go_to", target=dice.choice(made), max_visits=2),
        }
        branching = {
            "split": lambda: step(own, "split", [*ways(depth, "a", when=city), *ways(depth, "else")]),
            "ab_split": lambda: step(own, "ab_split", ways(depth, "a", "b", percent=50)),
            "wait_for": lambda: step(own, "wait_for", ways(depth, "happened", "timeout"), event="paid"),
        }
        kinds = flat | branching if depth < 3 else flat
        return kinds[dice.choice(list(kinds))]()

    return chart(*lane(0))


class Naive:
    """Walks the tree itself, as somebody with a finger on the drawing would."""

    def __init__(self, chart: Flowchart) -> None:
        self.chart = chart

    def trail_to(self, step_id: str) -> list[tuple[tuple[Step, ...], int]]:
        """Every lane on the way down to a step, and the place in it."""

        def look(lane: tuple[Step, ...]) -> list[tuple[tuple[Step, ...], int]] | None:
            for n, one in enumerate(lane):
                if one.id == step_id:
                    return [(lane, n)]
                for way in one.branches:
                    if found := look(way.lane):
                        return [(lane, n), *found]
            return None

        found = look(self.chart.lane)
        assert found
        return found

    def after(self, step_id: str, port: str) -> str | None:
        trail = self.trail_to(step_id)
        own = trail[-1][0][trail[-1][1]]
        if own.type == "exit" or (own.type == "goal" and port == "reached" and own.config.then == "exit"):  # type: ignore[attr-defined]
            return None
        if own.type == "go_to":
            return own.config.target if port == "next" else None  # type: ignore[attr-defined]
        inside = next((way.lane for way in own.branches if way.key == port), ())
        if inside:
            return inside[0].id
        for lane, n in reversed(trail):
            if n + 1 < len(lane):
                return lane[n + 1].id
        return None


@pytest.mark.parametrize("seed", SEEDS)
def test_every_port_leads_where_a_finger_on_the_drawing_would_go(seed: int) -> None:
    drawn = grown(random.Random(seed))
    graph, naive = engine.graph_of(drawn), Naive(drawn)
    assert graph.first == drawn.lane[0].id
    for own, node in graph.nodes.items():
        assert {port: naive.after(own, port) for port in node.ways} == dict(node.ways)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_walk_stands_at_one_step_at_a_time_and_comes_to_an_end(seed: int) -> None:
    dice = random.Random(seed)
    graph = engine.graph_of(grown(dice))
    place, visits = graph.first, dict.fromkeys(graph.nodes, 0)
    for _ in range(10_000):
        if place is None:
            return
        node = graph.nodes[place]
        visits[place] += 1
        port = dice.choice(list(node.ways))
        if node.step.type == "go_to":
            port = engine.NEXT if visits[place] <= node.step.config.max_visits else engine.ENOUGH  # type: ignore[attr-defined]
        place = node.ways[port]
    pytest.fail("it walks for ever")


@pytest.mark.parametrize("seed", SEEDS)
def test_before_a_step_is_whoever_can_still_come_to_it(seed: int) -> None:
    graph = engine.graph_of(grown(random.Random(seed)))

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        looking = [start]
        while looking:
            more = {to for to in graph.nodes[looking.pop()].ways.values() if to} - found
            found |= more
            looking += more
        return found

    for target in graph.nodes:
        assert graph.before(target) == {one for one in graph.nodes if target in reached(one)} - {target}


def test_an_empty_branch_falls_through_and_a_deep_one_falls_through_all_the_way() -> None:
    inner = step(
        "inner", "ab_split", [branch("a", percent=50), branch("b", step("deep", "tag", add=["x"]), percent=50)]
    )
    graph = engine.graph_of(
        chart(
            step("outer", "ab_split", [branch("a", inner, percent=50), branch("b", percent=50)]),
            step("last", "tag", add=["y"]),
        )
    )
    assert graph.nodes["outer"].ways == {"a": "inner", "b": "last"}
    assert graph.nodes["inner"].ways == {"a": "last", "b": "deep"}
    assert graph.nodes["deep"].ways == {"next": "last"}
    assert graph.nodes["last"].ways == {"next": None}


def test_a_draw_gives_each_branch_its_share_and_the_rest_to_the_last() -> None:
    ways = (
        chart(step("ab", "ab_split", [branch("a", percent=30), branch("b", percent=0), branch("c", percent=60)]))
        .lane[0]
        .branches
    )
    drawn = [engine.drawn(ways, bucket) for bucket in range(10_000)]
    assert (drawn.count("a"), drawn.count("b"), drawn.count("c")) == (3000, 0, 7000)


# --- times


def facts(zone: str = ISRAEL, day: date | None = None, closed: tuple[int, ...] = (5,)) -> Facts:
    return Facts(zone, ISRAEL, lambda one: one.weekday() not in closed, day)


def due(one: dict[str, Any], at: str, told: Facts) -> str:
    """When it ends, in the zone of the contact."""
    moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(told.zone)).astimezone(UTC)
    until = engine.due(chart(one).lane[0], moment, told)
    return until.astimezone(ZoneInfo(told.zone)).isoformat(timespec="minutes")[:16]


@pytest.mark.parametrize(
    ("config", "begins", "ends"),
    [
        ({"minutes": 30}, "2026-11-10T10:00", "2026-11-10T10:30"),
        ({"days": 1}, "2026-03-26T10:00", "2026-03-27T10:00"),  # a day of 23 hours
        ({"hours": 24}, "2026-03-26T10:00", "2026-03-27T11:00"),
        ({"days": 1}, "2026-10-24T10:00", "2026-10-25T10:00"),  # a day of 25 hours
        ({"days": 1}, "2026-03-26T02:30", "2026-03-27T03:30"),  # a time that does not exist that night
        ({"days": 1, "hours": 2}, "2026-11-10T10:00", "2026-11-11T12:00"),
        ({"days": 2, "business_days": True}, "2026-11-12T10:00", "2026-11-15T10:00"),  # Thursday: Friday, Sunday
        ({"days": 3650}, "2026-11-10T10:00", "2036-11-07T10:00"),
    ],
)
def test_a_wait_ends_by_the_calendar_of_the_contact(config: dict[str, Any], begins: str, ends: str) -> None:
    assert due(step("w", "wait", **config), begins, facts()) == ends


def test_a_wait_of_business_days_ends_although_no_day_is_one() -> None:
    told = facts(closed=tuple(range(7)))
    assert due(step("w", "wait", days=1, business_days=True), "2026-11-10T10:00", told) == "2027-01-10T10:00"


@pytest.mark.parametrize(
    ("config", "begins", "ends"),
    [
        ({"at": "18:00"}, "2026-11-10T10:00", "2026-11-10T18:00"),
        ({"at": "09:00"}, "2026-11-10T10:00", "2026-11-11T09:00"),
        ({"at": "10:00"}, "2026-11-10T10:00", "2026-11-10T10:00"),
        ({"at": "09:00", "weekdays": [6]}, "2026-11-10T10:00", "2026-11-15T09:00"),
        ({"field": "properties.due", "offset_days": -3}, "2026-11-10T10:00", "2026-11-17T00:00"),
        ({"field": "properties.due", "at": "09:00"}, "2026-11-10T10:00", "2026-11-20T09:00"),
        ({"field": "properties.due", "offset_days": -30}, "2026-11-10T10:00", "2026-11-10T10:00"),  # past
    ],
)
def test_a_wait_until_a_moment(config: dict[str, Any], begins: str, ends: str) -> None:
    assert due(step("w", "wait_until", **config), begins, facts(day=date(2026, 11, 20))) == ends


def test_who_has_no_such_date_does_not_wait() -> None:
    assert due(step("w", "wait_until", field="properties.due"), "2026-11-10T10:00", facts()) == "2026-11-10T10:00"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-03-07T20:00", "2026-03-08T03:30"), ("2026-10-31T20:00", "2026-11-01T02:30")],
    ids=["half past two is missing", "half past two is after the hour that is there twice"],
)
def test_a_wait_until_a_time_of_day_that_its_person_does_not_have_that_night(begins: str, ends: str) -> None:
    assert due(step("w", "wait_until", at="02:30"), begins, facts("America/New_York")) == ends


def test_a_time_of_day_that_is_there_twice_comes_once() -> None:
    one = step("w", "wait_until", at="01:30")
    assert due(one, "2026-11-01T00:00", facts("America/New_York")) == "2026-11-01T01:30"
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # half past one in summer time
    assert engine.due(chart(one).lane[0], first + timedelta(minutes=10), facts("America/New_York")).day == 2, (
        "not an hour later again"
    )


def test_the_zone_of_the_organisation_counts_where_it_is_meant() -> None:
    one, told = step("w", "wait_until", at="09:00", zone="organisation"), facts("America/New_York")
    assert due(one, "2026-11-10T00:00", told) == "2026-11-10T02:00"


@pytest.mark.parametrize("value", [None, "", "soon", "0001-01-01", "9999-12-31", "2026-02-30"])
def test_what_is_no_date_is_none(value: object) -> None:
    assert engine.day_of(value) is None


def test_a_moment_is_a_day() -> None:
    assert engine.day_of(datetime(2026, 3, 1, 12, tzinfo=UTC)) == date(2026, 3, 1)


def test_a_time_of_day_comes_once_a_day_also_when_the_clock_changes() -> None:
    since = datetime(2026, 3, 26, tzinfo=UTC)
    hours = [since + timedelta(hours=n) for n in range(24 * 4)]
    came = [day for a, b in pairwise(hours) for day in engine.moments("02:30", ISRAEL, a, b)]
    assert came == [date(2026, 3, 26) + timedelta(days=n) for n in range(4)]
    assert engine.moments("02:30", ISRAEL, hours[0], hours[-1]) == came
