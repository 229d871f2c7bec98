"""Nobody waits for another organisation: not for its slow text, not for its silent provider."""

import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.messages.models import Message
from app.gateways.channels.base import Accepted, Channel, OneByOne, Outgoing
from jobs import lanes, messages, runtime
from jobs.lanes import Lanes
from jobs.runtime import Runtime
from ops.launcher.kernel import wait_until
from tests.domain.messages.line import until
from tests.factories import people, sending

SLOW = "{% capture x %}" + "abcdefghijklmnopqrs" * 50 + "{% endcapture %}{% if contact.external_id != '1000001' %}"
SLOW += "{% assign a = x | split: '' | sort | uniq | reverse | join: ',' %}" * 3 + "{% endif %}Hello"


SOON = 30  # seconds at most: a loaded machine takes its time


class Line(OneByOne):
    """A provider that answers at once, or not before its gate opens."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate = gate

    async def send_one(self, message: Outgoing) -> Accepted:
        await until(lambda: self.gate is None or self.gate.is_set())
        return Accepted(message.reference, "id")


@pytest.fixture
def gate() -> threading.Event:
    """As long as it is shut, the silent provider says nothing."""
    return threading.Event()


@pytest.fixture
def here(own_settings: Settings, gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """The runtime of the workers; a provider with `settle_seconds` in its configuration is the silent one."""
    engine = make_engine(own_settings, pool_size=3, max_overflow=3)
    made = Runtime(own_settings, engine, session_factory(engine, own_settings))

    def opened(_kind: str, config: Mapping[str, object], _secret: str) -> Channel:
        return Line(gate if config.get("settle_seconds") else None)

    monkeypatch.setattr(Runtime, "open_channel", staticmethod(opened))
    monkeypatch.setattr(messages, "runtime", lambda: made)
    monkeypatch.setattr(runtime, "stopping", threading.Event())
    monkeypatch.setattr(lanes, "stopping", runtime.stopping)
    yield made
    gate.set()
    runtime.stopping.set()
    lanes.lanes.wait(SOON)
    engine.dispose()


def bank(here: Runtime, name: str, number: int, body: str, **config: object) -> UUID:
    """An organisation with an SMS to so many people under way."""
    with unit_of_work(here.factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name=name)).id
        people.contacts(session, number)
        sending.account(session, **config)
        sending.send_to_everybody(session, sending.sms_template(session, body, message_class="service"), uuid4())
        session.info.pop("rings")
    return organisation_id


def number(here: Runtime, organisation_id: UUID, state: str) -> int:
    with here.unit(organisation_id) as session:
        return len(session.execute(select(Message.id).where(Message.state == state)).all())


def sent(here: Runtime, organisation_id: UUID) -> int:
    return number(here, organisation_id, "sent")


def test_a_slow_text_of_one_bank_does_not_hold_up_another(here: Runtime) -> None:
    slow, quick = bank(here, "Slow", 400, SLOW), bank(here, "Quick", 3, "Hello")
    messages.send_sms(slow)
    assert wait_until(lambda: sent(here, slow) > 0, SOON)
    messages.send_sms(quick)
    assert wait_until(lambda: sent(here, quick) == 3, SOON)
    assert sent(here, slow) < 400


def test_a_silent_provider_of_one_bank_does_not_hold_up_another(here: Runtime) -> None:
    silent, quick = bank(here, "Silent", 10, "Hello", settle_seconds=1), bank(here, "Quick", 3, "Hello")
    messages.send_sms(silent)
    assert wait_until(lambda: number(here, silent, "sending") == 10, SOON)
    messages.send_sms(quick)
    assert wait_until(lambda: sent(here, quick) == 3, SOON)
    assert number(here, silent, "sending") == 10


def test_a_bell_for_a_busy_lane_makes_it_go_round_once_more_and_never_twice_at_a_time() -> None:
    ours, gate, done = Lanes(), threading.Event(), []

    def act() -> None:
        done.append("begun")
        gate.wait(SOON)
        done.append("ended")

    for _ in range(5):
        ours.go(("send", "1"), act)
    gate.set()
    ours.wait(SOON)
    assert done == ["begun", "ended"] * 2


def test_with_more_organisations_than_lanes_everybody_has_his_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Lanes(2)
    monkeypatch.setattr(lanes, "lanes", ours)
    monkeypatch.setattr(lanes, "FAIR_SECONDS", 0.1)
    order: list[int] = []

    def act(number: int) -> None:
        order.append(number)
        is_over = lanes.turn()
        until = time.monotonic() + 2 * SOON
        while not is_over() and time.monotonic() < until and len(order) < 4:
            time.sleep(0.01)

    begun = time.monotonic()
    for number in range(4):
        ours.go(("send", str(number)), partial(act, number))
    ours.wait(2 * SOON)
    assert sorted(order) == [0, 1, 2, 3]
    assert time.monotonic() - begun < SOON
