"""The core bank: GET /bank/balances?date=2026-10-09&after=&limit=1000 and /bank/restrictions?after=&limit=1000."""

import asyncio
import json
from datetime import date
from typing import Any

from aiohttp import web

from sandbox import flags
from sandbox.balances import DAY, Balances, BankFaults
from sandbox.faults import Behaviour

LIMIT = 1000


class CoreBank:
    """Tells the balances of a day, a page of clients after the other, in the order of their numbers.

    They are made up, so whoever gives no secret may read them, too; a wrong one is refused.
    """

    def __init__(self, behaviour: Behaviour, secret: str) -> None:
        self.balances = Balances()
        self.behaviour = behaviour
        self._authorization = f"Bearer {secret}"

    def routes(self) -> list[web.RouteDef]:
        """The routes of this file."""
        return [web.get("/bank/balances", self.day), web.get("/bank/restrictions", self.restrictions)]

    async def day(self, request: web.Request) -> web.Response:
        """Answer one page of balances."""
        return await self._misbehaved(request) or self._day(request, self.behaviour.faults.bank)

    async def restrictions(self, request: web.Request) -> web.Response:
        """Answer one page of flags; all of one client together."""
        if refused := await self._misbehaved(request):
            return refused
        try:
            after, limit = _place(request)
        except ValueError:
            return _answer({"reason": "after is the number of a client or nothing", "code": "malformed"}, status=400)
        items, following = flags.page(self.balances.numbers, after, limit, self.behaviour.faults.bank)
        return _answer({"items": items, "next": following})

    async def _misbehaved(self, request: web.Request) -> web.Response | None:
        """What is answered instead, if that was ordered or the secret is wrong."""
        if request.headers.get("Authorization", self._authorization) != self._authorization:
            return _answer({"reason": "wrong secret", "code": "unauthorized"}, status=401)
        faults = self.behaviour.faults.bank
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        if faults.down:
            return _answer({"reason": "closed", "code": "closed"}, status=503)
        if faults.pages == "no_json":
            return web.Response(text="<!doctype html><title>Maintenance</title>", content_type="text/html")
        return None

    def _day(self, request: web.Request, faults: BankFaults) -> web.Response:
        try:
            day = date.fromisoformat(request.query.get("date", ""))
            after, limit = _place(request)
        except ValueError:
            wanted = "date is a day such as 2026-10-09, after the number of a client or nothing, limit a number"
            return _answer({"reason": wanted, "code": "malformed"}, status=400)
        return _answer(self._page(day, after, limit, faults))

    def _page(self, day: date, after: int, limit: int, faults: BankFaults) -> dict[str, Any]:
        if faults.pages == "other_day" and day > date.min:
            day -= DAY
        if 0 < self.balances.position(after) <= limit:  # the second page of a day
            if faults.pages == "repeated" and self.behaviour.is_first_time((day, after)):
                after = 0
            elif faults.pages == "skipped":
                _, following = self.balances.page(day, after, limit, faults)
                after = int(following or after)
        items, following = self.balances.page(day, after, limit, faults)
        return {"date": day.isoformat(), "items": items, "next": following}


def _place(request: web.Request) -> tuple[int, int]:
    """After whom a page begins, and how long it is. Raises ValueError."""
    after, limit = (int(request.query.get(name) or usual) for name, usual in (("after", 0), ("limit", LIMIT)))
    return after, min(max(limit, 1), LIMIT)


def _answer(body: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
