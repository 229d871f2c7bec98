"""A provider that was down is asked with one message; what is healthy is told to the breaker by the hundred."""

from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import breaker, queue
from app.core.settings import Settings
from app.domain.messages.models import Send
from app.domain.providers.models import ProviderAccount
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending


def under_way(session: Session, number: int) -> tuple[ProviderAccount, Send]:
    people.contacts(session, number)
    account = sending.account(session)
    return account, sending.send_to_everybody(session, sending.sms_template(session), uuid4())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the breaker is told: (good, bad)."""
    batches: list[tuple[int, int]] = []
    record = breaker.record

    def note(url: str, name: str, good: int, bad: int) -> str:
        batches.append((good, bad))
        return record(url, name, good, bad)

    monkeypatch.setattr(breaker, "record", note)
    return batches


def down(settings: Settings, account: ProviderAccount) -> None:
    """The breaker is open and its time is over."""
    assert breaker.record(settings.redis_url, str(account.id), 0, 5) == "opened"
    queue.connection(settings.redis_url).hset(f"breaker:{account.id}", "open_until", 1)


def test_an_open_breaker_lets_nothing_through(session: Session, run: Run, settings: Settings) -> None:
    account, _ = under_way(session, 3)
    breaker.record(settings.redis_url, str(account.id), 0, 5)
    line = Line()
    assert run(line).provider_down
    assert (line.taken, states(session)) == ([], {"queued": 3})


@pytest.mark.parametrize("answer", ["later", "doubt"])
def test_a_probe_is_one_message_and_when_it_fails_nothing_follows(
    session: Session, run: Run, settings: Settings, answer: str
) -> None:
    account, _ = under_way(session, 80)
    down(settings, account)
    asked: list[str] = []
    tally = run(Line(lambda message: asked.append(message.to) or answer))
    assert (len(asked), tally.sent) == (1, 0)
    assert states(session)["queued"] >= 79
    assert run(Line()).sent == 0, "the probe is out; another worker does not try as well"


def test_when_the_probe_arrives_all_follow(
    session: Session, run: Run, settings: Settings, told: list[tuple[int, int]]
) -> None:
    account, _ = under_way(session, 80)
    down(settings, account)
    del told[:]
    rooms: list[int] = []
    taken: list[str] = []

    def accept(message: object) -> str:
        if not taken:
            rooms.append(breaker.room(settings.redis_url, str(account.id)))
        taken.append(str(message))
        return "accept"

    sent = run(Line(accept)).sent
    assert rooms == [0], "while the probe was under way nobody else might send"
    assert told[0] == (1, 0), "it is told at once"
    assert sent + run(Line(accept)).sent == 80


def test_what_is_healthy_is_told_by_five_hundred(session: Session, run: Run, told: list[tuple[int, int]]) -> None:
    under_way(session, 720)
    assert run(Line()).sent == 720
    assert told == [(500, 0)]


def test_a_failure_is_told_at_once(session: Session, run: Run, told: list[tuple[int, int]]) -> None:
    under_way(session, 60)
    bad = iter(["accept"] * 59 + ["later"])
    assert run(Line(lambda _m: next(bad))).later == 1
    assert [bad for _, bad in told] == [1]
