"""Hand messages to providers: nothing lost, nothing handed over twice.

1. Claim: due rows of the most urgent send that may go now are leased to this run (claiming.py).
2. Render: they become texts for addresses, a window at a time; who cannot be written to ends here (rendering.py).
3. Intend: a transaction looks once more who of the window may go and marks them as on the wire (claims.py).
   It is committed before the first byte is written.
4. Hand over: the window flies, and every outcome lands as it becomes known (flights.py).
5. Record: what has landed is written down, in the transaction that intends the next window.
6. Note: what this says about the account opens and closes its breaker (health.py).

What has an intent and no record is in doubt; it is never queued again without evidence (reconcile.py). Nothing in the event
loop waits for the database or for Valkey otherwise than asynchronously or in a thread: an answer is read when it comes. This
is the one verb that commits.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from app.core.pipeline import Step, Transact
from app.core.unit import settings_of
from app.domain.messages import claims, outcomes, sends
from app.domain.messages.claiming import Claimer, OpenUnit
from app.domain.messages.claims import Claim
from app.domain.messages.flights import Flights
from app.domain.messages.health import Health
from app.domain.messages.outcomes import Told
from app.domain.messages.rendering import Ready, Unready, make
from app.domain.providers.accounts import OpenChannel
from app.gateways.channels.base import Accepted, Channel, InDoubt, Rejected, Unavailable

log = logging.getLogger(__name__)

AT_RISK = 50  # handed over and not yet recorded: the most a killed worker can leave in doubt
WINDOW = 25  # the most of them that are handed over in one piece
TURN = 16  # so many have landed before a turn is worth it
RENDERING_SECONDS = 0.25  # that a window is made for: meanwhile nothing that has landed is recorded

OpenPipeline = Callable[[], AbstractAsyncContextManager[Transact]]


@dataclass
class Tally:
    """What a run of dispatch did."""

    sent: int = 0
    rejected: int = 0
    later: int = 0
    in_doubt: int = 0
    skipped: int = 0
    provider_down: bool = False
    time_over: bool = False


def dispatch(
    open_unit: OpenUnit,
    open_pipeline: OpenPipeline,
    open_channel: OpenChannel,
    channel: str,
    *,
    seconds: float = 30,
    stopping: Callable[[], bool] = lambda: False,
) -> Tally:
    """Send what is due on one channel for one organisation until nothing is, the time is over, or `stopping` says so.

    `open_unit` opens a unit of work for the organisation and commits it, in whatever thread; `open_pipeline` a connection for
    turns (core/pipeline.py). Raises nothing for a provider that is down: the messages stay queued and the tally says so.
    """
    until = monotonic() + seconds
    with open_unit() as session:
        redis_url = settings_of(session).redis_url
    run = _Run(open_unit, open_channel, channel, redis_url, lambda: stopping() or monotonic() >= until)
    tally = asyncio.run(run.go(open_pipeline))
    with open_unit() as session:
        sends.close_drained(session)
    return tally


class _Window(NamedTuple):
    """The next rows of a claim: those that go over the wire, and those that end here, with the reason."""

    claim: Claim
    ready: list[Ready]
    unready: list[Unready]


class _Run:
    """One run over the due messages of a channel, in turns.

    A turn is one transaction that records what has landed and commits the intent of as many others, which then take off, while
    those still in the air fly on. At no time are more than AT_RISK between intent and record.
    """

    def __init__(
        self, open_unit: OpenUnit, open_channel: OpenChannel, channel: str, redis_url: str, is_over: Callable[[], bool]
    ) -> None:
        self._unit = open_unit
        self._open_channel = open_channel
        self._channel = channel
        self._redis_url = redis_url
        self._is_over = is_over
        self._open: dict[UUID, Channel] = {}
        self._claimed: Claim | None = None
        self._claimer: Claimer
        self._flights = Flights(self._note)
        self._health = Health(open_unit, redis_url)
        self.tally = Tally()

    async def go(self, open_pipeline: OpenPipeline) -> Tally:
        """Take turns until nothing is due. When something breaks, what is in the air lands and what is known is kept."""
        try:
            async with open_pipeline() as transact, open_pipeline() as claiming:
                self._claimer = Claimer(self._unit, claiming, self._channel, self._redis_url)
                try:
                    await self._turns(transact)
                finally:
                    await self._flights.come_down()
                    [ahead] = await asyncio.gather(self._claimer.end(), return_exceptions=True)
                    if isinstance(ahead, Claim):
                        await self._release(ahead)
                    elif ahead:
                        log.error("the next messages could not be claimed", exc_info=ahead)
        finally:
            await asyncio.to_thread(self._keep)
            await self._release(self._claimed)
            for channel in self._open.values():
                await channel.close()
        return self.tally

    async def _turns(self, transact: Transact) -> None:
        flights = self._flights
        while True:
            window = await self._next_window(min(WINDOW, AT_RISK - flights.at_risk + len(flights.landed)))
            if window is None and not flights:
                return
            landed = list(flights.landed)
            if refused := claims.refused(landed):
                await asyncio.to_thread(claims.suppress, self._unit, refused)
            steps = claims.records(landed)
            if window:
                channel = await self._opened(window.claim)
                steps += claims.begin(window.claim, window.ready, window.unready)
            done = await transact(*steps) if steps else []
            flights.recorded(len(landed))
            if window:
                self.tally.skipped += len(window.unready)
                if window.ready:
                    await self._take_off(transact, window, channel, {row["id"] for row in done[-1]})
            await flights.wait(TURN - AT_RISK + flights.at_risk if window else AT_RISK)

    async def _take_off(self, transact: Transact, window: _Window, channel: Channel, may_go: set[UUID]) -> None:
        self._flights.take_off(window.claim, channel, [ready for ready in window.ready if ready.id in may_go])
        if stays := [ready for ready in window.ready if ready.id not in may_go]:
            self.tally.skipped += len(stays)
            # what was only paused need not wait for its lease to end
            await transact(claims.give_back(window.claim, [(ready.occurrence_id, ready.id) for ready in stays]))

    async def _next_window(self, most: int) -> _Window | None:
        """The next window, of a new claim when the last is used up; None when nothing is due or may go now."""
        while not (self.tally.provider_down or self.tally.time_over):
            claim = self._claimed
            if self._is_over():
                self.tally.time_over = True
            elif claim and claim.rows and claim.is_over:
                await self._release(claim)
                claim.rows.clear()
            elif claim and claim.rows:
                window = _rendered(claim, most)
                self._claimer.look_ahead(claim)
                return window
            else:
                self._claimed = await self._claimer.next()
                self.tally.provider_down = self.tally.provider_down or self._claimer.provider_down
                if self._claimed is None:
                    return None
        return None

    async def _note(self, claim: Claim, told: Told) -> None:
        counted = outcomes.count(told)
        self.tally.sent += counted[Accepted]
        self.tally.rejected += counted[Rejected]
        self.tally.later += counted[Unavailable]
        self.tally.in_doubt += counted[InDoubt]
        if await self._health.note(claim, told):
            self.tally.provider_down = True

    def _keep(self) -> None:
        """Record what has landed and was not recorded, without the connection that may have broken."""
        if landed := self._flights.landed:
            claims.suppress(self._unit, claims.refused(landed))
            with self._unit() as session:
                for step in claims.records(landed):
                    session.execute(*step)

    async def _release(self, claim: Claim | None) -> None:
        """Give back what was claimed and not begun."""
        if claim and claim.rows:
            step = claims.give_back(claim, [(row["occurrence_id"], row["id"]) for row in claim.rows])
            await asyncio.to_thread(self._do, step)

    def _do(self, step: Step) -> None:
        with self._unit() as session:
            session.execute(*step)

    async def _opened(self, claim: Claim) -> Channel:
        account = claim.account
        if account.id not in self._open:
            channel = self._open[account.id] = self._open_channel(account.kind, account.config, claim.secret)
            await channel.open()
        return self._open[account.id]


def _rendered(claim: Claim, most: int) -> _Window:
    made: list[Ready | Unready] = []
    until = monotonic() + RENDERING_SECONDS
    while claim.rows and len(made) < most and monotonic() < until:
        row = claim.rows.popleft()
        made.append(make(claim.scene, row, claim.people.get(row["contact_id"])))
    return _Window(
        claim, [one for one in made if isinstance(one, Ready)], [one for one in made if isinstance(one, Unready)]
    )
