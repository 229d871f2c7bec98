"""Hand messages to providers: claim | render | intend (commit) | send | record (commit).

The promise: nothing lost, nothing handed over twice. An intent is committed before the first byte of its window is written;
whatever has no outcome afterwards is in doubt, never queued again without evidence. This is the one verb that commits.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from time import monotonic
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core import breaker, clock
from app.core.pipeline import Transact
from app.core.sql import load
from app.core.unit import settings_of
from app.domain.calendar.windows import windows_of
from app.domain.messages import claims, outcomes, sends
from app.domain.messages.claims import Claim, Landed
from app.domain.messages.outcomes import Told
from app.domain.messages.rendering import Ready, Unready, make
from app.domain.messages.states import RANKS
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Accepted, Channel, InDoubt, Outcome, Rejected, Unavailable

log = logging.getLogger(__name__)

CLAIM = 1000
AHEAD = 250  # with fewer than these left, the next are claimed meanwhile
AT_RISK = 50  # handed over and not yet recorded: the most a killed worker can leave in doubt
WINDOW = 25  # the most of them that are handed over in one piece
TURN = 16  # so many have landed before a turn is worth it
PATIENCE = 5  # seconds what has landed waits for others to be recorded with
WINDOW_SECONDS = 90  # what has no answer by then is in doubt; less than the lease of an intent
RENDERING_SECONDS = 0.25  # that a window is made for: meanwhile nothing that has landed is recorded
HEALTHY = 500  # so many good outcomes are told to the breaker at once
_SQL = load("messages/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]
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

    `open_unit` opens a unit of work for the organisation and commits it; `open_pipeline` a connection for its
    turns (core/pipeline.py). Raises nothing for a provider that is down: the messages stay queued and the tally says so.
    """
    until = monotonic() + seconds
    run = _Run(open_unit, open_channel, channel, lambda: stopping() or monotonic() >= until)
    return asyncio.run(run.go(open_pipeline))


class _Run:
    """One run over the due messages of a channel.

    It goes in turns: one transaction records what has landed and commits the intent of as many others, which then take off,
    while those still in the air fly on. At no time are more than AT_RISK between intent and record.
    """

    def __init__(
        self, open_unit: OpenUnit, open_channel: OpenChannel, channel: str, is_over: Callable[[], bool]
    ) -> None:
        self._unit = open_unit
        self._open_channel = open_channel
        self._channel = channel
        self._is_over = is_over
        self._redis = ""
        self._open: dict[UUID, Channel] = {}
        self._claiming: Transact
        self._claimed: Claim | None = None
        self._coming: asyncio.Task[Claim | None] | None = None
        self._flights: set[asyncio.Task[None]] = set()
        self._landed: list[Landed] = []
        self._at_risk = 0
        self._enough = 0
        self._news = asyncio.Event()
        self._good: Counter[UUID] = Counter()
        self.tally = Tally()

    async def go(self, open_pipeline: OpenPipeline) -> Tally:
        """Take turns until nothing is due. When something breaks, what is in the air lands and what is known is kept."""
        try:
            # Claims have a connection of their own, so that the turns need not wait for them.
            async with open_pipeline() as transact, open_pipeline() as self._claiming:
                try:
                    await self._turns(transact)
                finally:
                    await asyncio.gather(*self._flights, return_exceptions=True)
                    if self._coming:
                        [ahead] = await asyncio.gather(self._coming, return_exceptions=True)
                        if isinstance(ahead, Claim):
                            self._release(ahead)
                        elif ahead:
                            log.error("the next messages could not be claimed", exc_info=ahead)
        finally:
            self._keep()
            self._release(self._claimed)
            for channel in self._open.values():
                await channel.close()
        with self._unit() as session:
            sends.close_drained(session)
        return self.tally

    async def _turns(self, transact: Transact) -> None:
        while True:
            taken = await self._next_window(min(WINDOW, AT_RISK - self._at_risk + len(self._landed)))
            if taken is None and not (self._flights or self._landed):
                return
            landed = list(self._landed)
            claims.suppress(self._unit, landed)
            steps = claims.records(landed)
            if taken:
                claim, window = taken
                channel = await self._opened(claim)
                steps += [*claims.links(claim, window), claims.intend(claim, window)]
            done = await transact(*steps) if steps else []
            del self._landed[: len(landed)]  # what has landed meanwhile stays for the next turn
            self._at_risk -= len(landed)
            if taken:
                may_go = {row["id"] for row in done[-1]}
                self._take_off(claim, channel, [ready for ready in window if ready.id in may_go])
                if stays := [ready.id for ready in window if ready.id not in may_go]:
                    self.tally.skipped += len(stays)
                    # what was only paused need not wait for its lease to end
                    await transact(claims.give_back(claim, stays))
            await self._wait(TURN - AT_RISK + self._at_risk if taken else AT_RISK)

    def _take_off(self, claim: Claim, channel: Channel, going: list[Ready]) -> None:
        self._at_risk += len(going)
        flight = asyncio.create_task(self._hand_over(claim, channel, going))
        self._flights.add(flight)
        flight.add_done_callback(lambda _: self._news.set())

    async def _wait(self, enough: int) -> None:
        """Wait until so many have landed, or all, or some and PATIENCE is over. Raises what a flight broke with."""
        self._enough, late = enough, False
        while True:
            self._news.clear()
            for flight in [flight for flight in self._flights if flight.done()]:
                self._flights.remove(flight)
                flight.result()
            if not self._flights or len(self._landed) >= enough or (late and self._landed):
                return
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                late = True

    async def _next_window(self, most: int) -> tuple[Claim, list[Ready]] | None:
        """The next window, of a new claim when the last is used up; None when nothing is due or may go now."""
        while not (self.tally.provider_down or self.tally.time_over):
            claim = self._claimed
            if self._is_over():
                self.tally.time_over = True
            elif claim and claim.rows and claim.is_over:
                self._release(claim)
                claim.rows.clear()
            elif claim is None or not claim.rows:
                coming, self._coming = self._coming, None
                self._claimed = (await coming if coming else None) or await self._claim()
                if self._claimed is None:
                    return None
            elif window := self._rendered(claim, most):
                if len(claim.rows) < AHEAD and not (self._coming or claim.is_probe):
                    self._coming = asyncio.create_task(self._claim())
                return claim, window
            else:  # nobody of these gets it: let what is in the air land all the same
                await asyncio.sleep(0)
        return None

    def _rendered(self, claim: Claim, most: int) -> list[Ready]:
        """The next rows of a claim as they go over the wire; those that cannot end here, with their reason."""
        made: list[Ready | Unready] = []
        until = monotonic() + RENDERING_SECONDS
        while claim.rows and len(made) < most and monotonic() < until:
            row = claim.rows.popleft()
            made.append(make(claim.scene, row, claim.people.get(row["contact_id"])))
        self._finish(claim, [one for one in made if isinstance(one, Unready)])
        return [one for one in made if isinstance(one, Ready)]

    async def _claim(self) -> Claim | None:
        """Lease the next due rows, of the most urgent send that has any."""
        with self._unit() as session:
            self._redis = settings_of(session).redis_url
            open_ones = self._accounts(session)
            windows = windows_of(session)
            runnable = sends.runnable(session, self._channel, windows) if open_ones else []
        for send in runnable:
            chosen = next((one for one in open_ones if sends.may_carry(one[0], send)), None)
            if chosen is None:  # it was approved with a sender that is not in use now
                continue
            (account, room), token = chosen, uuid4()
            with self._unit() as session:  # before anything is leased: what cannot be sent holds nothing
                scene, secret = claims.scene(session, send, account), accounts.secret_of(session, account)
            wanted = {"send": send.id, "occurrence": send.occurrence_id, "token": token}
            [rows] = await self._claiming((_SQL["claim"], {**wanted, "now": clock.now(), "most": min(CLAIM, room)}))
            if not rows:
                continue
            [people] = await self._claiming((_SQL["recipients"], {"contacts": [row["contact_id"] for row in rows]}))
            return Claim(
                scene,
                account,
                secret,
                token,
                is_probe=room == 1,
                rows=deque(rows),
                people={person["id"]: person for person in people},
                tries={row["id"]: row["attempts"] + 1 for row in rows},
                until=(windows.closes_at(clock.now()) or clock.now()) if sends.keeps_hours(send) else None,
            )
        return None

    def _accounts(self, session: Session) -> list[tuple[ProviderAccount, int]]:
        """The accounts of the channel that are not known to be down, and how many messages each may be given."""
        known = ((one, breaker.room(self._redis, str(one.id))) for one in accounts.in_order(session, self._channel))
        found = [(account, room) for account, room in known if room]
        self.tally.provider_down = self.tally.provider_down or not found
        return found

    def _finish(self, claim: Claim, unready: list[Unready]) -> None:
        if not unready:
            return
        with self._unit() as session:
            session.execute(
                _SQL["finish_claimed"],
                {
                    **claim.common,
                    "ids": [u.id for u in unready],
                    "states": [u.state for u in unready],
                    "ranks": [RANKS[u.state] for u in unready],
                    "reasons": [u.reason for u in unready],
                },
            )
        self.tally.skipped += len(unready)

    async def _hand_over(self, claim: Claim, channel: Channel, going: list[Ready]) -> None:
        """Send a window, telling each outcome as it becomes known; whatever has none at the end is in doubt."""
        waiting = {ready.outgoing.reference: ready for ready in going}
        told: Told = []

        def tell(ready: Ready, outcome: Outcome) -> None:
            told.append((ready, outcome))
            self._landed.append((claim, ready, outcome))
            if len(self._landed) >= self._enough:
                self._news.set()

        reason = "the provider gave no outcome"
        try:
            async with asyncio.timeout(WINDOW_SECONDS):
                async for outcome in channel.send([ready.outgoing for ready in going]):
                    tell(waiting.pop(outcome.reference), outcome)
        except TimeoutError:
            reason = "no answer in time"
        for reference, ready in waiting.items():
            tell(ready, InDoubt(reason, reference=reference))
        self._note(claim, told)

    def _keep(self) -> None:
        """Record what has landed and was not recorded, without the connection that may have broken."""
        if self._landed:
            claims.suppress(self._unit, self._landed)
            with self._unit() as session:
                for step in claims.records(self._landed):
                    session.execute(*step)

    def _note(self, claim: Claim, told: Told) -> None:
        """Count the window, also for the breaker shared by all workers; the tally says if the account is to be left alone."""
        counted = outcomes.count(told)
        self.tally.sent += counted[Accepted]
        self.tally.rejected += counted[Rejected]
        self.tally.later += counted[Unavailable]
        self.tally.in_doubt += counted[InDoubt]
        account_id, good = claim.account.id, counted[Accepted] + counted[Rejected]
        if good == len(told):
            self._good[account_id] += good
            if not claim.is_probe and self._good[account_id] < HEALTHY:
                return
            good = self._good[account_id]
        self._good[account_id] = 0
        bad = [o for _, o in told if isinstance(o, Unavailable | InDoubt)]
        moved = breaker.record(self._redis, str(account_id), good, len(bad))
        refused = any(isinstance(o, Unavailable) and o.whole_account for o in bad)
        if moved or refused:
            with self._unit() as session:
                accounts.note_health(session, account_id, bad[0].reason if bad else None)
        self.tally.provider_down = self.tally.provider_down or moved == "opened" or refused

    def _release(self, claim: Claim | None) -> None:
        """Give back what was claimed and not begun."""
        if claim and claim.rows:
            with self._unit() as session:
                session.execute(*claims.give_back(claim, [row["id"] for row in claim.rows]))

    async def _opened(self, claim: Claim) -> Channel:
        account = claim.account
        if account.id not in self._open:
            channel = self._open[account.id] = self._open_channel(account.kind, account.config, claim.secret)
            await channel.open()
        return self._open[account.id]
