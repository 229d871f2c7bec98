"""Windows in the air: handed to a provider, landing one outcome after the other."""

import asyncio
from collections.abc import Awaitable, Callable

from app.domain.messages.claims import Claim, Landed
from app.domain.messages.outcomes import Told
from app.domain.messages.rendering import Ready
from app.gateways.channels.base import Channel, InDoubt, Outcome

WINDOW_SECONDS = 90  # what has no answer by then is in doubt; less than the lease of an intent
PATIENCE = 5  # seconds what has landed waits for others to be recorded with

Note = Callable[[Claim, Told], Awaitable[None]]


class Flights:
    """The windows in the air. `landed` is what has an outcome and is not recorded yet; `at_risk` counts these and the others."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._flying: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._enough = 0
        self.landed: list[Landed] = []
        self.at_risk = 0

    def __bool__(self) -> bool:
        """True while something flies or has landed unrecorded."""
        return bool(self._flying or self.landed)

    def take_off(self, claim: Claim, channel: Channel, going: list[Ready]) -> None:
        """Hand a window over whose intent is committed."""
        self.at_risk += len(going)
        flight = asyncio.create_task(self._hand_over(claim, channel, going))
        self._flying.add(flight)
        flight.add_done_callback(lambda _: self._news.set())

    def recorded(self, number: int) -> None:
        """The first so many of what has landed are written down; what has landed meanwhile stays for the next turn."""
        del self.landed[:number]
        self.at_risk -= number

    async def wait(self, enough: int) -> None:
        """Wait until so many have landed, or all, or some and PATIENCE is over. Raises what a flight broke with."""
        self._enough, late = enough, False
        while True:
            self._news.clear()
            for flight in [flight for flight in self._flying if flight.done()]:
                self._flying.remove(flight)
                flight.result()
            if not self._flying or len(self.landed) >= enough or (late and self.landed):
                return
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._news.wait()
            except TimeoutError:
                late = True

    async def come_down(self) -> None:
        """Wait for all of them, whatever they end with."""
        await asyncio.gather(*self._flying, return_exceptions=True)

    async def _hand_over(self, claim: Claim, channel: Channel, going: list[Ready]) -> None:
        """Send a window, telling each outcome as it becomes known; whatever has none at the end is in doubt."""
        waiting = {ready.outgoing.reference: ready for ready in going}
        told: Told = []

        def tell(ready: Ready, outcome: Outcome) -> None:
            told.append((ready, outcome))
            self.landed.append((claim, ready, outcome))
            if len(self.landed) >= self._enough:
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
        await self._note(claim, told)
