"""The bank's own site, played: people sign in, look at an offer, use the calculator, apply.

Its pages tell Carillon with the key for pages; its server, which knows who signed in, tells with a secret key and signs the
token that says who a visitor is.
"""

import base64
import hmac
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

HERE = Path(__file__).parent
PAGES = ("home", "offer", "calculator", "application", "done")
COOKIE = "customer"
TOKEN_SECONDS = 300


class Site:
    """The pages; `site.json` in the sandbox's folder names Carillon and the two keys, and may come later than the start."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "site.json"
        self.pages = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())

    def routes(self) -> list[web.RouteDef]:
        """The routes of this file."""
        return [
            web.get("/site", self.show),
            web.get("/site/{page}", self.show),
            web.post("/site/login", self.sign_in),
            web.post("/site/logout", self.sign_out),
            web.post("/site/application", self.send),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """A page of the site."""
        page, known = request.match_info.get("page", "home"), self._known()
        if page not in PAGES:
            raise web.HTTPNotFound
        customer = request.cookies.get(COOKIE, "")
        told = {"page": page, "customer": customer, "query": request.query, "known": known}
        if known and customer:
            told["token"] = token(known["secret_key"], customer)
        text = self.pages.get_template("site.html").render(told)
        return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def sign_in(self, request: web.Request) -> web.Response:
        """Sign somebody in by his customer number alone: it is a play. The server tells of it, so the event is verified."""
        customer = str((await request.post()).get("customer", "")).strip()[:40]
        if not customer:
            raise web.HTTPSeeOther("/site")
        note = await self._tell("login", customer, {"device": "web"})
        answer = web.HTTPSeeOther(f"/site/offer?said={note}")
        answer.set_cookie(COOKIE, customer, httponly=True, samesite="Lax")
        raise answer

    async def sign_out(self, request: web.Request) -> web.Response:
        """Sign out; the page then forgets its visitor."""
        answer = web.HTTPSeeOther("/site?out=1")
        answer.del_cookie(COOKIE)
        raise answer

    async def send(self, request: web.Request) -> web.Response:
        """An application is sent: the bank's server has it, so the bank's server tells of it."""
        sent, customer = await request.post(), request.cookies.get(COOKIE, "")
        note = await self._tell("application_sent", customer, {"amount": _number(sent.get("amount", ""))})
        raise web.HTTPSeeOther(f"/site/done?said={note}")

    async def _tell(self, event: str, customer: str, properties: dict[str, Any]) -> str:
        """Tell Carillon of an event with the secret key; what became of it, in a word."""
        known = self._known()
        if not known or not customer:
            return "untold"
        said = {"event": event, "contact": {"external_id": customer}, "properties": properties}
        headers = {"Authorization": f"Bearer {known['secret_key']}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as calls,
                calls.post(f"{known['carillon']}/api/v1/track", json=said, headers=headers) as answer,
            ):
                return "told" if answer.status == 202 else "unknown" if answer.status == 404 else "refused"
        except (aiohttp.ClientError, TimeoutError):
            return "unreachable"

    def _known(self) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads(self.file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known


def token(secret_key: str, customer: str) -> str:
    """What the server of a bank signs to say who a visitor is; good for five minutes."""
    prefix, secret = secret_key.split("_", 2)[1:]
    told = json.dumps({"external_id": customer, "until": int(time.time()) + TOKEN_SECONDS})
    payload = base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")
    return f"{prefix}.{payload}.{hmac.new(sha256(secret.encode()).digest(), payload.encode(), 'sha256').hexdigest()}"


def _number(said: object) -> int:
    return int(said) if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 10 else 0
