"""The one outgoing HTTP client: pooled, time-limited, no redirects, no private networks, trace id on every call."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.core.trace import correlation
from app.gateways.addresses import is_public, resolve, resolve_public

POOL = 50
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
ANSWER_CAP = 1024 * 1024
# A provider closes idle connections at a time of its own. Letting go before it does saves a POST written into a
# connection that is being closed, which could only be called in doubt.
IDLE_SECONDS = 10.0
_JSON = {"Content-Type": "application/json"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: dumps makes one per call


class HttpFailure(Exception):
    """No usable answer came."""


class NotConnected(HttpFailure):
    """Surely nothing was written: refused, unknown name, TLS failed, connect time-out."""


class AddressRefused(NotConnected):
    """The address is not one we may call: private network, or plain http in the open."""


class AnswerTimeout(HttpFailure):
    """The request was written and no answer came in time: it may have been carried out."""


class ConnectionBroken(HttpFailure):
    """The connection broke after writing began, or the answer was unusable: it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON; None if it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds the other side asks to wait, where it says so as a number."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isascii() and value.isdigit() and len(value) < 7 else None


class _Resolver(AbstractResolver):
    """Names to addresses, refusing private ones; aiohttp then connects to exactly these."""

    def __init__(self, allow_private: bool) -> None:
        self._resolve = resolve if allow_private else resolve_public

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [_resolved(host, address, port) for address in await self._resolve(host, port)]

    async def close(self) -> None:
        """Nothing is kept."""


def _resolved(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
    )


class Http:
    """The client. `async with Http(...)`; private networks only when whoever opens it says so."""

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        allow_private: bool = False,
        read_seconds: float = READ_SECONDS,
        answer_cap: int = ANSWER_CAP,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.headers = {"Accept-Encoding": "identity", "User-Agent": "Carillon", **(headers or {})}
        self.allow_private = allow_private
        self.read_seconds = read_seconds
        self.answer_cap = answer_cap
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}  # paths of the base URL, checked once

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            limit=POOL, resolver=_Resolver(self.allow_private), keepalive_timeout=IDLE_SECONDS, ttl_dns_cache=60
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # One clock for the whole call: another for every piece that is read costs a timer each.
            timeout=aiohttp.ClientTimeout(total=CONNECT_SECONDS + self.read_seconds, sock_connect=CONNECT_SECONDS),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Answer:
        """GET a path of the base URL, or a whole URL. Raises: as `request`."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, payload: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a payload as JSON. Raises: as `request`."""
        sent = {**_JSON, **headers} if headers else _JSON
        return await self.request("POST", path, body=_encode(payload).encode(), headers=sent)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; any status is an answer, redirects included.

        Raises:
            NotConnected: surely nothing was written.
            AnswerTimeout, ConnectionBroken: it may have been carried out.
        """
        if self._session is None:
            raise NotConnected("the client is not open")
        url = self._urls.get(path) or self._checked(path)
        sent = headers
        if trace := correlation.get():
            sent = {**(headers or {}), "X-Correlation-Id": trace}
        try:
            async with self._session.request(
                method, url, data=body, headers=sent, params=params, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await self._body(response))
        except (aiohttp.ClientError, OSError, ValueError) as broke:  # TimeoutError is an OSError
            raise _failure(broke, url.host or "") from broke

    def _checked(self, path: str) -> URL:
        """The URL to call; literal addresses do not pass the resolver, so they are looked at here."""
        try:
            url = URL(self.base_url + path if path.startswith("/") else path)
        except ValueError as bad:
            raise AddressRefused("not an address that can be called") from bad
        if url.scheme not in ("http", "https") or not url.host or url.user:
            raise AddressRefused("not an address that can be called")
        if not self.allow_private:
            _demand_public(url.scheme, url.host)
        if path.startswith("/") and len(self._urls) < POOL:
            self._urls[path] = url
        return url

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length <= self.answer_cap:
            return await response.read()
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self.answer_cap:
                raise aiohttp.ClientPayloadError("the answer is too large")
            chunks.append(chunk)
        return b"".join(chunks)


def _failure(broke: Exception, host: str) -> HttpFailure:
    """What an aiohttp error means for a request: surely not written, or perhaps carried out."""
    match broke:
        case aiohttp.ClientConnectorError() if isinstance(broke.os_error, PermissionError):
            return AddressRefused(f"{host} lies in a private network")  # the resolver's refusal, wrapped by aiohttp
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return NotConnected(f"no connection to {host}")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return AddressRefused("not an address that can be called")
        case TimeoutError():
            return AnswerTimeout(f"no answer from {host} in time")
        case _:
            return ConnectionBroken(f"the connection to {host} broke")


def _demand_public(scheme: str, host: str) -> None:
    if scheme != "https":
        raise AddressRefused(f"{host} must be called over https")
    if _is_literal(host) and not is_public(host):
        raise AddressRefused(f"{host} lies in a private network")


def _is_literal(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except OSError:
        return False
    return True
