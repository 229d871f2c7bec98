"""What two versions of a flow differ in, as its page of versions says it."""

from app.core.db import db
from app.core.unit import act_as
from app.domain.flows.definition import parse
from app.web.flows import changes
from tests.factories.flows import branch, drawing, step
from tests.web.pages import House

WAITS = [step(f"s{n}", "wait", days=n) for n in range(1, 6)]


def moved(bank: House, old: list[dict[str, object]], new: list[dict[str, object]]) -> list[str]:
    with bank.app.test_request_context():
        act_as(db.session(), bank.staff["viewer"])
        found = changes.between(parse(drawing(*old)), parse(drawing(*new)))
    return [one.before for one in found if one.after == "stands elsewhere"]


def test_a_step_put_between_others_moves_none_of_them(bank: House) -> None:
    new = step("s9", "tag", add=["new"])
    assert moved(bank, WAITS, [*WAITS[:2], new, *WAITS[2:]]) == []
    assert moved(bank, WAITS, [new, *WAITS]) == []
    assert moved(bank, WAITS, [*WAITS[:1], *WAITS[2:]]) == []
    assert moved(bank, WAITS, [*WAITS[:1], new, *WAITS[2:]]) == []


def test_only_the_step_that_was_moved_is_called_moved(bank: House) -> None:
    first, *rest = WAITS
    assert moved(bank, WAITS, [*rest, first]) == ["Wait 1 day"]
    assert moved(bank, WAITS, [rest[-1], first, *rest[:-1]]) == ["Wait 5 days"]


def test_a_step_that_went_into_a_branch_is_moved_with_nobody_else(bank: House) -> None:
    def parted(*lane: dict[str, object]) -> dict[str, object]:
        ways = [branch("approved", *lane), branch("rejected")]
        return step("ask", "review", ways, role="operator", question="Right?")

    first, *rest = WAITS
    assert moved(bank, [*WAITS, parted()], [*rest, parted(first)]) == ["Wait 1 day"]
