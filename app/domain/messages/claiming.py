"""Who is claimed next: rows of the most urgent send that may go now, with an account that may carry them."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core import breaker, clock
from app.core.pipeline import Step, Transact
from app.core.sql import load
from app.domain.messages import capping, claims, retries, sends
from app.domain.messages.capping import InForce
from app.domain.messages.claims import Claim
from app.domain.messages.hours import NO_HOURS, Hours, hours_of, keeps_hours
from app.domain.messages.models import Send
from app.domain.messages.outcomes import Before
from app.domain.messages.rendering import Scene
from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount

CLAIM = 1000  # are looked at at most; where somebody sleeps, those who are awake are searched among so many
AHEAD = 250  # with fewer than these left, the next are claimed meanwhile
BATCHES = 20  # of people who sleep are passed by before other sends have their turn
_SQL = load("messages/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]


def claim(send: Send, hours: Hours | None, token: UUID, most: int) -> dict[str, Any]:
    """What the statement that claims rows of a send is asked with; `hours` for what keeps them."""
    now, most = clock.now(), min(CLAIM, most)
    return {
        "send": send.id,
        "first": send.first_occurrence,
        "token": token,
        "now": now,
        "fresh": send.not_after > now,
        "look": CLAIM if hours and not hours.is_open_everywhere(now) else most,
        "most": most,
        "keeps": hours is not None,
        "allowed": retries.ALLOWED,
        **(hours.claim(now) if hours else NO_HOURS),
    }


def steps(send: Send, hours: Hours | None, token: UUID, most: int) -> list[Step]:
    """The transaction that claims rows of a send; the rows are those of its last step."""
    held: list[Step] = [(_SQL["hold_retried"], {"send": send.id})] if hours else []  # only what keeps hours is moved
    return [*held, (_SQL["claim"], claim(send, hours, token, most))]


@dataclass(frozen=True)
class _Prospect:
    """A send that may be claimed from now, the account for it, how many messages that may be given, and the hours it keeps."""

    send: Send
    account: ProviderAccount
    room: int
    hours: Hours | None


class Claimer:
    """Leases the next due rows of a channel, ahead of time where that saves waiting.

    `transact` is a connection of its own, so that the turns of a run need not wait for it. `provider_down` says that no account
    may be given anything now.
    """

    def __init__(self, open_unit: OpenUnit, transact: Transact, channel: str, redis_url: str) -> None:
        self._unit = open_unit
        self._transact = transact
        self._channel = channel
        self._redis_url = redis_url
        self._coming: asyncio.Task[Claim | None] | None = None
        self.provider_down = False

    async def next(self) -> Claim | None:
        """The next rows, or None if nothing is due that may go."""
        coming, self._coming = self._coming, None
        return (await coming if coming else None) or await self._claim()

    def look_ahead(self, claim: Claim) -> None:
        """Claim the next rows meanwhile, if few are left of this claim."""
        if len(claim.rows) < AHEAD and not (self._coming or claim.is_probe):
            self._coming = asyncio.create_task(self._claim())

    async def end(self) -> Claim | None:
        """What was claimed ahead and will not be used. Raises what claiming broke with."""
        coming, self._coming = self._coming, None
        return await coming if coming else None

    async def _claim(self) -> Claim | None:
        for prospect in await asyncio.to_thread(self._prospects):
            # Before anything is leased: what cannot be sent holds nothing.
            scene, secret, caps = await asyncio.to_thread(self._scene, prospect)
            token = uuid4()
            rows = await self._lease(prospect, token)
            if not rows:
                continue
            hours, contacts = prospect.hours, list({row["contact_id"] for row in rows})
            [people] = await self._transact((_SQL["recipients"], {"contacts": contacts}))
            return Claim(
                scene,
                prospect.account,
                secret,
                token,
                is_probe=prospect.room == 1,
                rows=deque(rows),
                people={person["id"]: person for person in people},
                before={row["id"]: Before(row["attempts"] + 1, row["retries"]) for row in rows},
                until=hours.closes(clock.now(), (person["timezone"] for person in people)) if hours else None,
                windows=hours.windows if hours else None,
                caps=caps,
            )
        return None

    async def _lease(self, prospect: _Prospect, token: UUID) -> list[Mapping[str, Any]]:
        """The next rows of a send; whoever sleeps is moved to his morning, and the next are looked at, for a while."""
        for _ in range(BATCHES):
            *_, rows = await self._transact(*steps(prospect.send, prospect.hours, token, prospect.room))
            found = [row for row in rows if not row["is_early"]]
            if found or not rows:
                return found
        return []

    def _prospects(self) -> list[_Prospect]:
        with self._unit() as session:
            open_ones = self._accounts(session)
            hours = hours_of(session)
            return [
                _Prospect(send, *carrier, hours if keeps_hours(send) else None)
                for send in (sends.runnable(session, self._channel, hours) if open_ones else [])
                # None if it was approved with a sender that is not in use now
                if (carrier := next((one for one in open_ones if sends.may_carry(one[0], send)), None))
            ]

    def _accounts(self, session: Session) -> list[tuple[ProviderAccount, int]]:
        """The accounts of the channel that are not known to be down, and how many messages each may be given."""
        known = ((one, breaker.room(self._redis_url, str(one.id))) for one in accounts.in_order(session, self._channel))
        found = [(account, room) for account, room in known if room]
        self.provider_down = self.provider_down or not found
        return found

    def _scene(self, prospect: _Prospect) -> tuple[Scene, str, InForce]:
        with self._unit() as session:
            send, account = prospect.send, prospect.account
            caps = capping.in_force(session, send.channel, send.message_class, send.source_kind)
            return claims.scene(session, send, account), accounts.secret_of(session, account), caps
