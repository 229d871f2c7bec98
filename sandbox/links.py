"""Links of the mailbox: followed as a browser would, and the bank's web site that example links lead to.

An address under `.example` never exists (RFC 2606), so the sandbox answers in its place.
"""

from html import unescape
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import web

PASSED = ("User-Agent", "Accept-Language")  # whoever counts clicks sees the person's own browser
PATIENCE = aiohttp.ClientTimeout(total=10)


def is_example(address: str) -> bool:
    """True for an address that is there to be shown, not to be reached."""
    return (urlsplit(address).hostname or "").rsplit(".", 1)[-1] == "example"


def through(message: str, address: str) -> str:
    """The mailbox's own address of a link in a message, such as `/sms/5`."""
    return f"{message}/follow?to={quote(address, safe='')}"


def stands_in(address: str, body: str) -> bool:
    """True if a message holds this address: nothing else is fetched for anybody."""
    return bool(address) and address.removeprefix("https://") in unescape(body)


async def follow(address: str, request: web.Request) -> str:
    """Where a link leads in the end: its redirection is asked for once, and the sandbox answers for the bank."""
    if not is_example(address):
        headers = {name: request.headers[name] for name in PASSED if name in request.headers}
        try:
            async with (
                aiohttp.ClientSession(timeout=PATIENCE) as session,
                session.get(address, headers=headers, allow_redirects=False) as answer,
            ):
                address = answer.headers.get("Location", address) if 300 <= answer.status < 400 else address
        except (aiohttp.ClientError, OSError):
            return address  # the browser says better why it does not answer
    return f"/bank?at={quote(address, safe='')}" if is_example(address) else address


def wants_hebrew(request: web.Request) -> bool:
    """True if the browser asks for Hebrew before English."""
    asked = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("Accept-Language", "").split(",")]
    return next((language for language in asked if language in ("en", "he", "iw")), "en") != "en"
