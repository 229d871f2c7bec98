"""A provider in memory and a run of dispatch through it."""

import asyncio
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.messages import dispatch
from app.domain.messages.models import Message
from app.gateways.channels.base import Accepted, InDoubt, OneByOne, Outgoing, Rejected, Unavailable

Run = Callable[..., dispatch.Tally]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something without holding up the others; a minute at most, since a machine may be loaded."""
    for _ in range(1200):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("waited a minute in vain")


class Line(OneByOne):
    """A provider in memory that does as it is told."""

    def __init__(self, answers: Callable[[Outgoing], str | Rejected] = lambda _m: "accept") -> None:
        self.taken: list[Outgoing] = []
        self.answers = answers

    async def send_one(self, message: Outgoing) -> Accepted:
        answer = self.answers(message)
        if isinstance(answer, Rejected):
            raise answer
        if answer == "reject":
            raise Rejected("no such number")
        if answer == "later":
            raise Unavailable("slow down", retry_after=60)
        self.taken.append(message)
        if answer == "doubt":
            raise InDoubt("no answer")
        return Accepted(message.reference, f"id-{len(self.taken)}")


def states(session: Session) -> dict[str, int]:
    """How many messages are in a state, or ended for a reason."""
    session.expire_all()
    found: dict[str, int] = {}
    for message in session.execute(select(Message)).scalars():
        found[message.reason or message.state] = found.get(message.reason or message.state, 0) + 1
    return found
