"""Orders and lists for tests and operators: /received/..., /faults, /callbacks, /healthz."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox import letter
from sandbox.carrier import Carrier
from sandbox.faults import Behaviour, Faults
from sandbox.ledger import Book, Ledger, as_json
from sandbox.sink import Office

LIMIT = 200_000


class Callbacks(BaseModel):
    """Where receipts go when neither the message nor the account says."""

    model_config = ConfigDict(extra="forbid")

    sms: str = ""
    email: str = ""


class Control:
    """The sandbox's own API."""

    def __init__(self, ledger: Ledger, behaviour: Behaviour, carrier: Carrier, office: Office, folder: Path) -> None:
        self.ledger = ledger
        self.behaviour = behaviour
        self.carrier = carrier
        self.office = office
        self._callbacks = folder / "callbacks.json"
        if self._callbacks.exists():
            self._use(Callbacks.model_validate_json(self._callbacks.read_text()))

    def routes(self) -> list[web.RouteDef]:
        """The routes of this file."""
        return [
            web.get("/healthz", self.health),
            web.get("/received/{kind:sms|email}", self.received),
            web.get("/received/email/{id}", self.raw),
            web.delete("/received", self.forget),
            web.get("/faults", self.show_faults),
            web.put("/faults", self.order_faults),
            web.get("/callbacks", self.show_callbacks),
            web.put("/callbacks", self.order_callbacks),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """Tell that the sandbox lives, and how much it holds."""
        counts = {"sms": len(self.ledger.sms.items), "email": len(self.ledger.email.items)}
        return web.json_response({"status": "ok", "received": counts})

    async def received(self, request: web.Request) -> web.Response:
        """List what was accepted, newest first: ?since= (ISO or seconds), ?to=, ?limit=, ?fields=, ?full=1 (e-mail)."""
        kind, query = request.match_info["kind"], request.query
        book: Book = self.ledger.sms if kind == "sms" else self.ledger.email
        try:
            since = _moment(query.get("since", ""))
            limit = min(max(int(query.get("limit", "50")), 0), LIMIT)
        except ValueError:
            return web.json_response({"error": "since is an ISO time or seconds, limit a number"}, status=400)
        fields = frozenset(filter(None, query.get("fields", "").split(",")))
        matching = list(book.newest(since=since, to=query.get("to", "")))
        items = [as_json(item, kind=kind, fields=fields) for item in matching[:limit]]
        if kind == "email":
            for item, found in zip(items, matching, strict=False):
                self._finish(item, found.id, full=query.get("full") == "1")
        distinct = len({item.reference for item in matching})
        return web.json_response({"total": len(matching), "distinct": distinct, "items": items})

    def _finish(self, shown: dict[str, Any], item_id: str, *, full: bool) -> None:
        """Decode the subject; with `full` also text, HTML, headers and attachments."""
        if "subject" in shown:
            shown["subject"] = letter.subject(shown["subject"])
        raw = self.ledger.body(self.ledger.email.by_id[item_id]) if full else None
        if raw is None:
            return
        read = letter.read(raw)
        shown |= {"text": read.text, "html": read.html, "headers": dict(read.headers)}
        shown["attachments"] = [{"name": p.name, "type": p.type, "size": len(p.content)} for p in read.parts]

    async def raw(self, request: web.Request) -> web.Response:
        """One e-mail as it came over the wire."""
        item = self.ledger.email.by_id.get(request.match_info["id"])
        raw = self.ledger.body(item) if item else None
        if raw is None:
            raise web.HTTPNotFound
        return web.Response(body=raw, content_type="message/rfc822")

    async def forget(self, request: web.Request) -> web.Response:
        """Forget everything received."""
        self.ledger.clear()
        return web.Response(status=204)

    async def show_faults(self, request: web.Request) -> web.Response:
        """The orders in force."""
        return web.json_response(self.behaviour.faults.model_dump(mode="json"))

    async def order_faults(self, request: web.Request) -> web.Response:
        """Replace the orders: `{}` is good behaviour."""
        try:
            self.behaviour.order(Faults.model_validate_json(await request.read()))
        except ValidationError as bad:
            return web.json_response({"error": json.loads(bad.json(include_url=False))}, status=422)
        return await self.show_faults(request)

    async def show_callbacks(self, request: web.Request) -> web.Response:
        """Where receipts go by default."""
        return web.json_response({"sms": self.carrier.default_callback, "email": self.office.default_callback})

    async def order_callbacks(self, request: web.Request) -> web.Response:
        """Set where receipts go when neither the message nor the account says; kept over restarts."""
        try:
            callbacks = Callbacks.model_validate_json(await request.read())
        except ValidationError as bad:
            return web.json_response({"error": json.loads(bad.json(include_url=False))}, status=422)
        self._use(callbacks)
        self._callbacks.write_text(callbacks.model_dump_json())
        return await self.show_callbacks(request)

    def _use(self, callbacks: Callbacks) -> None:
        self.carrier.default_callback, self.office.default_callback = callbacks.sms, callbacks.email


def _moment(text: str) -> float:
    if not text:
        return 0.0
    try:
        return float(text)
    except ValueError:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
