"""Receipts by webhook: due at their time, many in one signed call, tried again until they are taken."""

import asyncio
import hashlib
import heapq
import hmac
import json
import time
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count

import aiohttp

from sandbox.faults import Behaviour
from sandbox.ledger import Item

TICK_SECONDS = 0.05
TRIES = 10
CALLS_AT_A_TIME = 4
RANK = {"accepted": 0, "sent": 1, "undeliverable": 2, "failed": 3, "bounced": 3, "delivered": 4, "complained": 5}
CODES = {"undeliverable": "absent", "failed": "provider_error", "bounced": "unknown_mailbox"}


class Receipts:
    """The post office for receipts and replies."""

    def __init__(self, behaviour: Behaviour, secret: str) -> None:
        self.behaviour = behaviour
        self.secret = secret
        self._due: list[tuple[float, int, Item, str]] = []
        self._now: list[tuple[str, dict[str, str]]] = []
        self._order = count()
        self._calls: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(CALLS_AT_A_TIME)

    def plan(self, item: Item, kinds: tuple[str, ...]) -> None:
        """Plan the receipts of an accepted message, in their order or as the orders in force say."""
        faults, dice, now = self.behaviour.faults, self.behaviour.dice, time.time()
        if faults.receipts == "never":
            return
        wait = (faults.late_ms if faults.receipts == "late" else faults.receipt_ms) / 1000
        for place, kind in enumerate(kinds, start=1):
            due = now + wait * (
                3 * dice.random() if faults.receipts == "shuffled" else place * (0.8 + 0.4 * dice.random())
            )
            for again in range(dice.randint(2, 4) if faults.receipts == "duplicate" else 1):
                heapq.heappush(self._due, (due + again * wait, next(self._order), item, kind))

    def post(self, url: str, event: dict[str, str]) -> None:
        """Post one event now (a reply a person wrote)."""
        self._now.append((url, event))

    async def run(self) -> None:
        """Deliver what is due, for ever."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
            try:
                while True:
                    await asyncio.sleep(TICK_SECONDS)
                    self._deliver_due(session)
            finally:
                for call in self._calls:
                    call.cancel()

    def _deliver_due(self, session: aiohttp.ClientSession) -> None:
        now, ready = time.time(), defaultdict(list)
        for url, event in self._now:
            ready[url].append(event)
        self._now.clear()
        while self._due and self._due[0][0] <= now:
            due, _, item, kind = heapq.heappop(self._due)
            if RANK[kind] > RANK[item.status]:  # a later word never lowers an earlier one
                item.status, item.status_at = kind, due
            if item.callback_url and self.behaviour.faults.receipts != "swallowed":
                ready[item.callback_url].append(_event(item, kind, due))
        size = self.behaviour.faults.receipts_per_call
        for url, events in ready.items():
            for start in range(0, len(events), size):
                call = asyncio.create_task(self._call(session, url, events[start : start + size]))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _call(self, session: aiohttp.ClientSession, url: str, events: list[dict[str, str]]) -> None:
        body = json.dumps({"events": events}, ensure_ascii=False).encode()
        for attempt in range(TRIES):
            async with self._room:
                if await self._taken(session, url, body):
                    return
            await asyncio.sleep(min(2**attempt * 0.5, 60))

    async def _taken(self, session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
        headers = {"Content-Type": "application/json", "X-Carrier-Signature": self._signature(body)}
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status < 300
        except (aiohttp.ClientError, OSError, ValueError):
            return False

    def _signature(self, body: bytes) -> str:
        at = int(time.time())
        digest = hmac.new(self.secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
        return f"t={at},v1={digest}"


def last_event(item: Item) -> dict[str, str] | None:
    """What has been told of a message last, or would have been; None if nothing has."""
    return None if item.status == "accepted" else _event(item, item.status, item.status_at or item.received)


def _event(item: Item, kind: str, at: float) -> dict[str, str]:
    event = {
        "event_id": f"{item.id}:{kind}",
        "id": item.id,
        "reference": item.reference,
        "status": kind,
        "occurred_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
    }
    return event | {"code": CODES[kind]} if kind in CODES else event
