"""The sandbox put together: one HTTP server, one SMTP server, one post office for receipts."""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.carrier import Carrier
from sandbox.control import Control
from sandbox.corebank import CoreBank
from sandbox.faults import Behaviour
from sandbox.ledger import Ledger
from sandbox.mailbox import Mailbox
from sandbox.receipts import Receipts
from sandbox.sink import Office, Session
from sandbox.site import Site


@dataclass(frozen=True, slots=True)
class Options:
    """How the sandbox is started."""

    host: str
    http_port: int
    smtp_port: int
    data: Path
    secret: str
    callback_secret: str


class Sandbox:
    """All parts, made once."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.behaviour = Behaviour()
        self.ledger = Ledger(options.data)
        self.receipts = Receipts(self.behaviour, options.callback_secret)
        self.carrier = Carrier(self.ledger, self.behaviour, self.receipts, options.secret)
        self.office = Office(self.ledger, self.behaviour, self.receipts)
        control = Control(self.ledger, self.behaviour, self.carrier, self.office, options.data)
        bank = CoreBank(self.behaviour, options.secret)
        self.application = web.Application()
        mailbox = Mailbox(self.ledger, self.receipts)
        site = Site(options.data)
        rooms = (self.carrier, control, mailbox, bank, site)
        self.application.add_routes([route for room in rooms for route in room.routes()])

    async def serve(self) -> None:
        """Serve until told to stop by SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        runner = web.AppRunner(self.application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, self.options.host, self.options.http_port, backlog=1024, shutdown_timeout=1)
        await site.start()
        smtp = await loop.create_server(
            lambda: Session(self.office), self.options.host, self.options.smtp_port, backlog=1024
        )
        post = asyncio.create_task(self.receipts.run())
        await stop.wait()
        post.cancel()
        smtp.close()
        await runner.cleanup()
