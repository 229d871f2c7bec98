"""storm: 10,000 events a second offered for ten seconds, whether the server keeps up or not; singly too, as many as one client can send.

What was answered with 202 is counted again in the table: nothing accepted may be missing, nothing may be there twice. The rest
must be refused in order: 429 or 503 with the seconds after which to come again, never another answer and never none.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import aiohttp
from sqlalchemy import text

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from tests.servers.house import whole
from tests.servers.throwaway import Servers
from tests.speed.row import Row
from tests.speed.track import Bank

SECONDS = 10


def measure(servers: Servers) -> Iterator[Row]:
    """One row for a hundred and one for ten events a call, both 10,000 events a second; one for single events, 2,000 a second."""
    with (
        tempfile.TemporaryDirectory() as folder,
        whole(servers, "bench_storm", Path(folder), workers=2) as house,
    ):
        bank = Bank(house, 1_000)
        bank.load(False, 10, 1)  # connections, plans
        for name, calls, size in (("a hundred a call", 100, 100), ("ten a call", 1_000, 10), ("single", 2_000, 1)):
            before = kept(bank, house.env)
            answers, slowest, seconds = asyncio.run(offered(bank, house.base_url, calls, size))
            lost = answers[202] * size - (kept(bank, house.env) - before)
            orderly = answers[202] + answers[429] + answers[503]
            told = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items(), key=str))
            yield Row(
                f"storm: {name}",
                f"{answers[202] * size / seconds:,.0f}/s",
                f"{calls * size:,}/s offered",
                answers[202] / answers.total(),
                f"lost {lost}; {told}; slowest {slowest:.1f} s",
                lost == 0 and orderly == answers.total(),
            )


async def offered(bank: Bank, base_url: str, calls: int, size: int) -> tuple[Counter[object], float, float]:
    """So many calls a second for ten seconds, each sent at its moment: (answers by status, slowest answer, seconds until the last)."""
    answers: Counter[object] = Counter()
    slowest = 0.0
    url = f"{base_url}/api/v1/{'track' if size == 1 else 'batch'}"
    events = [bank.event(False, n) for n in range(calls * SECONDS * size)]
    begun = time.perf_counter()

    async def call(client: aiohttp.ClientSession, n: int) -> None:
        nonlocal slowest
        await asyncio.sleep(max(0.0, begun + n / calls - time.perf_counter()))
        mine = events[n * size : (n + 1) * size]
        sent = time.perf_counter()
        headers = {**bank.headers, "Idempotency-Key": uuid4().hex}
        try:
            async with client.post(url, json=mine[0] if size == 1 else {"events": mine}, headers=headers) as answer:
                await answer.read()
                is_told = answer.status not in (429, 503) or "Retry-After" in answer.headers
                answers[answer.status if is_told else f"{answer.status} without Retry-After"] += 1
        except aiohttp.ClientError as broke:
            answers[type(broke).__name__] += 1
        slowest = max(slowest, time.perf_counter() - sent)

    limits = aiohttp.TCPConnector(limit=400)
    async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(60)) as client:
        await asyncio.gather(*(call(client, n) for n in range(calls * SECONDS)))
    return answers, slowest, time.perf_counter() - begun


def kept(bank: Bank, env: dict[str, str]) -> int:
    """How many events stand in the table: each call has ids of its own, so more than were accepted means one stands twice."""
    settings = Settings.from_env(env)
    engine = make_engine(settings)
    with unit_of_work(session_factory(engine, settings), system(bank.organisation)) as session:
        count: int = session.execute(text("SELECT count(*) FROM events")).scalar_one()
    engine.dispose()
    return count
