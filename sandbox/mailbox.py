"""The mailbox in the browser: what arrived, an e-mail as people see it, its links, one-click unsubscribe, answering an SMS."""

import re
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape

from sandbox import letter, links
from sandbox.ledger import Item, Ledger
from sandbox.receipts import Receipts

HERE = Path(__file__).parent
PAGE = 50
ZONE = ZoneInfo("Asia/Jerusalem")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
# What an e-mail may do in its frame: show styles and pictures. No script, and an origin of its own.
FRAME_POLICY = (
    "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; font-src data:; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
# An SMS is short: its examples go without "https://".
_URL = re.compile(r"https?://[^\s<>\"]+|(?<![@\w.-])(?:[\w-]+\.)+example/[^\s<>\"]+")


class Mailbox:
    """The pages."""

    def __init__(self, ledger: Ledger, receipts: Receipts) -> None:
        self.ledger = ledger
        self.receipts = receipts
        self.pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
        self.pages.filters |= {"linked": linked, "clock": clock, "subject": letter.subject}

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes of this file."""
        return [
            web.get("/", self.index),
            web.get("/sms/{id}", self.sms),
            web.post("/sms/{id}/reply", self.reply),
            web.get("/{kind:sms|email}/{id}/follow", self.follow),
            web.get("/bank", self.bank),
            web.get("/email/{id}", self.email),
            web.get("/email/{id}/html", self.html),
            web.get("/email/{id}/source", self.source),
            web.get("/email/{id}/parts/{number:\\d+}", self.part),
            web.post("/email/{id}/unsubscribe", self.unsubscribe),
            web.static("/static", HERE / "static"),
        ]

    async def index(self, request: web.Request) -> web.Response:
        """What arrived, newest first."""
        query = request.query
        kind, to, before = query.get("kind", ""), query.get("to", "").strip(), query.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() else 0
        books = [("sms", self.ledger.sms), ("email", self.ledger.email)]
        found = [
            (item, name)
            for name, book in books
            if kind in ("", name)
            for item in islice(book.newest(to=to, before=number), PAGE + 1)
        ]
        found.sort(key=lambda pair: -pair[0].number)
        counts = {name: len(book.items) for name, book in books}
        more = found[PAGE - 1][0].number if len(found) > PAGE else 0
        return self._page("index.html", items=found[:PAGE], kind=kind, to=to, counts=counts, more=more, before=number)

    async def sms(self, request: web.Request) -> web.Response:
        """One SMS, and a box to answer it as the person would."""
        item = _found(self.ledger.sms.by_id, request)
        return self._page("sms.html", item=item, said=request.query.get("said", ""))

    async def reply(self, request: web.Request) -> web.Response:
        """Post an answer to the sender, beside the address its receipts go to (.../receipts, .../messages)."""
        item = _found(self.ledger.sms.by_id, request)
        text = str((await request.post()).get("text", "")).strip()
        if text and item.callback_url:
            now = datetime.now(UTC)
            event = {"event_id": f"{item.id}:reply:{now.timestamp()}", "from": item.to, "to": item.sender, "text": text}
            address = re.sub(r"/receipts$", "/messages", item.callback_url)
            self.receipts.post(address, event | {"occurred_at": now.isoformat()})
        raise web.HTTPSeeOther(f"/sms/{item.id}?said={quote(text)}")

    async def follow(self, request: web.Request) -> web.Response:
        """Go where a link of a message leads."""
        is_sms, address = request.match_info["kind"] == "sms", request.query.get("to", "")
        if is_sms:
            body = _found(self.ledger.sms.by_id, request).text
        else:
            read = self._letter(request)[1]
            body = read.html + read.text
        if not links.stands_in(address, body):
            raise web.HTTPNotFound
        raise web.HTTPFound(await links.follow(address, request))

    async def bank(self, request: web.Request) -> web.Response:
        """The bank's web site, as far as there is one, in the language of the browser."""
        return self._page("bank.html", at=request.query.get("at", ""), hebrew=links.wants_hebrew(request))

    async def email(self, request: web.Request) -> web.Response:
        """One e-mail."""
        item = _found(self.ledger.email.by_id, request)
        raw = self.ledger.body(item)
        shown = letter.read(raw) if raw is not None else None
        return self._page("email.html", item=item, letter=shown, unsubscribed=request.query.get("unsubscribed", ""))

    async def html(self, request: web.Request) -> web.Response:
        """The HTML of one e-mail, for its frame."""
        item, read = self._letter(request)
        body = letter.framed(read, f"/email/{item.id}")
        return web.Response(text=body, content_type="text/html", headers={"Content-Security-Policy": FRAME_POLICY})

    async def source(self, request: web.Request) -> web.Response:
        """One e-mail as it came over the wire."""
        raw = self.ledger.body(_found(self.ledger.email.by_id, request))
        if raw is None:
            raise web.HTTPNotFound
        return web.Response(body=raw, content_type="text/plain", charset="utf-8", headers=_safe())

    async def part(self, request: web.Request) -> web.Response:
        """One attachment or picture."""
        _, read = self._letter(request)
        number = int(request.match_info["number"])
        part = next((part for part in read.parts if part.number == number), None)
        if part is None:
            raise web.HTTPNotFound
        shown = part.type in ("image/png", "image/jpeg", "image/gif", "image/webp")
        disposition = "inline" if shown else f"attachment; filename*=UTF-8''{quote(part.name)}"
        headers = _safe() | {"Content-Disposition": disposition, "Content-Type": part.type}
        return web.Response(body=part.content, headers=headers)

    async def unsubscribe(self, request: web.Request) -> web.Response:
        """Do what a mail program does when its unsubscribe button is pressed (RFC 8058)."""
        item, read = self._letter(request)
        if not read.unsubscribe_url:
            raise web.HTTPNotFound
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
                session.post(
                    read.unsubscribe_url, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False
                ) as answer,
            ):
                said = str(answer.status)
        except (aiohttp.ClientError, OSError):
            said = "unreachable"
        raise web.HTTPSeeOther(f"/email/{item.id}?unsubscribed={said}")

    def _letter(self, request: web.Request) -> tuple[Item, letter.Letter]:
        item = _found(self.ledger.email.by_id, request)
        raw = self.ledger.body(item)
        if raw is None:
            raise web.HTTPNotFound
        return item, letter.read(raw)

    def _page(self, name: str, **values: object) -> web.Response:
        text = self.pages.get_template(name).render(**values)
        return web.Response(text=text, content_type="text/html", headers=_safe() | {"Content-Security-Policy": POLICY})


def linked(text: str, message: str) -> Markup:
    """Text with its addresses made links; `message` is the address of what holds it."""
    parts, end = [], 0
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:)")
        whole = url if "://" in url else f"https://{url}"
        parts += [
            escape(text[end : found.start()]),
            Markup('<a href="{}" rel="noreferrer" target="_blank">{}</a>').format(links.through(message, whole), url),
        ]
        end = found.start() + len(url)
    return Markup("").join([*parts, escape(text[end:])])


def clock(item: Item) -> str:
    """When an item came, short, in the bank's own time."""
    return datetime.fromtimestamp(item.received, ZONE).strftime("%d %b %H:%M:%S")


def _found(items: dict[str, Item], request: web.Request) -> Item:
    item = items.get(request.match_info["id"])
    if item is None:
        raise web.HTTPNotFound
    return item


def _safe() -> dict[str, str]:
    return {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
