"""The flows of the demonstration bank: two ready-made ones that run, with people who wait in them and people who are through."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from app.core import clock
from app.core.actor import system
from app.demo import mail
from app.demo.bank import Bank, Step, When
from app.domain.calendar.windows import windows_of
from app.domain.events import tracking
from app.domain.events.said import EventInput, Whose
from app.domain.flows import drafts, lifecycle, ready_made, runs, starts, triggers
from app.domain.flows.course import course_of
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow

BEGUN, SENT = "application_begun", "application_sent"  # as the bank's site calls them
PRODUCT = {"product": "home loan"}


@dataclass(frozen=True)
class Drawn:
    """A flow as its author draws it: a ready-made one, the text of each step that sends one, and what begins it."""

    key: str
    name: str
    texts: Mapping[str, str]


WELCOME = Drawn("welcome", "Welcome", {"s1": "welcome-email", "s4": "welcome-sms"})
APPLICATION = Drawn(
    "application", "Application begun and not sent", {"s3": "application-sms", "s5": "application-email"}
)
ASKED = When(6, 9)
EARLIER, LATELY = range(1, 27), range(27, 43)  # who began an application: on the first day, and some hours before now
EACH = 13  # every so many customers began one
SOON, LATER = timedelta(hours=5), timedelta(hours=4)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def story(bank: Bank) -> list[Step]:
    """Asked for, approved, activated; applications are begun and some are sent; then people walk on, day by day."""
    if not (bank.settings.sandbox_url and bank.settings.sandbox_smtp):
        return []  # without a provider nothing can be sent, nor approved
    asked = bank.moment(ASKED)
    active = asked + timedelta(hours=1)
    steps: list[Step] = []
    for drawn in (WELCOME, APPLICATION):
        steps += [
            (asked, partial(_submit, bank, drawn)),
            (asked + timedelta(minutes=40), partial(_approve, bank, drawn)),
            (active, partial(_activate, bank, drawn)),
        ]
    for moment, people in ((active + MINUTE, EARLIER), (bank.now - SOON, LATELY)):
        steps.append((moment, partial(_tell, bank, BEGUN, people)))
        steps.append((moment + LATER, partial(_tell, bank, SENT, people[::4])))
        steps += [(one + MINUTE, partial(_walk, bank)) for one in (moment, moment + LATER)]
    for number in range((bank.now - active).days + 1):
        day = active + number * DAY
        steps.append((day + MINUTE, partial(_come, bank)))
        steps.append((day + 2 * MINUTE, partial(_walk, bank)))
        steps.append((day + timedelta(hours=1, minutes=30), partial(_confirm, bank)))
        if number < len(mail.DAYS):
            steps.append((day + timedelta(hours=2), partial(mail.read, bank, WELCOME.key, number)))
    return [(moment, act) for moment, act in steps if moment < bank.now]


def _submit(bank: Bank, drawn: Drawn) -> None:
    told = ready_made.FLOWS[drawn.key]
    own: dict[str, dict[str, Any]] = {
        step: {"template_id": str(bank.texts[text])} for step, text in drawn.texts.items()
    }
    begins = {}
    if drawn is WELCOME:
        own["s2"] = {"did": "opened", "step": "s1", "timeout": {"days": 5}}
        newcomers = {"segment_id": str(bank.segments["newcomers"]), "existing": True}
        begins = {"trigger": {"type": "segment_enter", "config": newcomers}}
    definition = _set_up(told.definition("en"), own) | begins
    new = FlowInput(name=drawn.name, description=told.description, definition=definition)
    with bank.by("marketer") as (session, by):
        bank.flows[drawn.key] = drafts.create(session, new, by=by).id
        lifecycle.submit(session, bank.flows[drawn.key], by=by)


def _set_up(node: Any, own: Mapping[str, Mapping[str, Any]]) -> Any:
    """The steps with what is their own."""
    if isinstance(node, list):
        return [_set_up(one, own) for one in node]
    if not isinstance(node, dict):
        return node
    more = {"config": own[node["id"]]} if node.get("id") in own else {}
    return {name: _set_up(one, own) for name, one in node.items()} | more


def _approve(bank: Bank, drawn: Drawn) -> None:
    with bank.by("admin") as (session, by):
        lifecycle.approve(session, bank.flows[drawn.key], note="Walked through, step by step.", by=by)


def _activate(bank: Bank, drawn: Drawn) -> None:
    with bank.by("marketer") as (session, by):
        lifecycle.activate(session, bank.flows[drawn.key], by=by)


def _come(bank: Bank) -> None:
    """Whoever came into the segment since yesterday begins; nobody does twice."""
    segment_id = bank.segments["newcomers"]
    with bank.open_unit() as session:
        flow = session.get_one(Flow, bank.flows[WELCOME.key])
        assert flow.version_id is not None
        people = triggers.members(session, course_of(session, flow.version_id), segment_id)
        starts.enter(session, flow, people, {"type": "segment_enter", "segment": str(segment_id)})


def _tell(bank: Bank, event: str, people: range) -> None:
    """The bank's server tells of customers."""
    said = [
        EventInput(event=event, contact=Whose(external_id=str(number * EACH)), properties=PRODUCT) for number in people
    ]
    with bank.open_unit() as session:
        tracking.track(session, said, by=system(bank.organisation_id))


def _walk(bank: Bank) -> None:
    """Whoever is due goes on; what is written to them goes out if it may. The workers go on from here."""
    runs.execute(bank.open_unit, seconds=120)
    with bank.open_unit() as session:
        may_go = windows_of(session).is_open(clock.now())
    for channel in ("sms", "email") if may_go else ():
        mail.hand_over(bank, channel)


def _confirm(bank: Bank) -> None:
    for drawn in (WELCOME, APPLICATION):
        for channel in ("sms", "email"):
            mail.confirm(bank, drawn.key, channel)
