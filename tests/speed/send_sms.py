"""send-sms: one worker's dispatch to the sandbox carrier, recording included, beside a bare aiohttp loop with the same payload."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import aiohttp

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.pipeline import pipeline
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.messages import dispatch
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from tests.factories import people, sending
from tests.servers.sandbox import SECRET, Sandbox, running
from tests.servers.throwaway import Servers
from tests.speed.row import Row


def measure(servers: Servers, messages: int = 8_000, turns: int = 7) -> Iterator[Row]:
    """Messages a second of one process, in short turns between two floors each: machines change their speed by the second.

    The row shows the median turn, by its ratio.
    """
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as sandbox:
        # Nobody is there to take them, and both halves would pay for the carrier's tries.
        sandbox.faults(receipts="never")
        alone, together = [], []
        before = floor(sandbox, messages)
        for turn in range(turns):
            for found, batch in ((alone, False), (together, True)):
                ours = dispatched(servers, sandbox, messages, turn % 3, batch=batch)
                after = floor(sandbox, messages)
                found.append((2 * ours / (before + after), ours, (before + after) / 2))
                before = after
    ratio, ours, base = sorted(alone)[turns // 2]
    yield Row("send-sms", f"{ours:,.0f}/s", f"{base:,.0f}/s", ratio, ">= 0.45 of the floor", ratio >= 0.45)
    # Where the carrier takes many in one call; beside the same floor, which calls once a message.
    ratio, ours, base = sorted(together)[turns // 2]
    yield Row("send-sms, many a call", f"{ours:,.0f}/s", f"{base:,.0f}/s", ratio, ">= 0.7 of the floor", ratio >= 0.7)


def floor(sandbox: Sandbox, messages: int) -> float:
    """The bare loop: 50 connections, the same payload, nothing recorded."""

    async def run() -> float:
        room = asyncio.Semaphore(50)
        headers = {"Authorization": f"Bearer {SECRET}"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50), headers=headers) as http:

            async def one() -> None:
                payload = {
                    "reference": uuid4().hex * 2,
                    "to": "+972522000001",
                    "from": "CARILLON",
                    "text": "Hello Dana1",
                    "callback_url": f"http://127.0.0.1:8000/api/v1/inbound/carrier/{uuid4()}/receipts",
                }
                async with room, http.post(f"{sandbox.url}/messages", json=payload) as answer:
                    await answer.json()

            began = time.perf_counter()
            await asyncio.gather(*[one() for _ in range(messages)])
            return messages / (time.perf_counter() - began)

    return asyncio.run(run())


def dispatched(servers: Servers, sandbox: Sandbox, messages: int, turn: int, *, batch: bool = False) -> float:
    """Ours: claim, render, intend, send, record; one call a message, or one for a window."""
    name = f"bench_send_{turn}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=8))
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
        people.contacts(session, messages)
        sending.account(session, "sms", "carrier", base_url=sandbox.url, batch=batch)
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    channel = partial(open_channel, guard=Guard.only(["+97252*"]), allow_private=True)
    unit = partial(unit_of_work, factory, system(organisation_id))
    began = time.perf_counter()
    tally = dispatch.dispatch(unit, partial(pipeline, settings, organisation_id), channel, "sms", seconds=300)
    took = time.perf_counter() - began
    engine.dispose()
    assert tally.sent == messages, tally
    return messages / took
