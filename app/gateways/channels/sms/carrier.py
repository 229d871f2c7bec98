"""A generic SMS carrier over HTTP: POST /messages, /messages/batch, /messages/status, GET /messages?reference=, signed receipts."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from app.gateways import signature
from app.gateways.channels import events
from app.gateways.channels.base import (
    Absent,
    Accepted,
    BadReceipt,
    CannotTell,
    Category,
    Found,
    Inbound,
    InDoubt,
    LookUp,
    OneByOne,
    Outcome,
    Outgoing,
    Receipt,
    Rejected,
    Unavailable,
    named,
)
from app.gateways.channels.config import CarrierConfig, ChannelConfig
from app.gateways.http import Answer, Http, HttpFailure, NotConnected


class Carrier(OneByOne):
    """One account at the carrier. Accounts with `batch` send up to 50 messages in one call."""

    status_batch = 100

    def __init__(self, config: ChannelConfig, secret: str, *, signing_secret: str, allow_private: bool) -> None:
        self.config = CarrierConfig.model_validate(config)
        self.signing_secret = signing_secret
        self.http = Http(
            self.config.base_url,
            headers={"Authorization": f"Bearer {secret}"},
            allow_private=allow_private,
            read_seconds=self.config.read_seconds,
        )

    async def open(self) -> None:
        """Make the pool of connections; each is opened when first needed."""
        await self.http.__aenter__()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.__aexit__(None, None, None)

    async def send(self, batch: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Yield one outcome per message: 50 calls at a time, or one call for 50 messages."""
        if not self.config.batch:
            async for outcome in super().send(batch):
                yield outcome
            return
        for start in range(0, len(batch), self.batch_size):
            for outcome in await self._send_together(batch[start : start + self.batch_size]):
                yield outcome

    async def send_one(self, message: Outgoing) -> Accepted:
        """Hand one message to the carrier. Raises: Rejected, Unavailable, InDoubt."""
        answer = await self._post("/messages", self._payload(message))
        return _accepted(message, answer.status, answer.json(), answer.retry_after)

    async def _send_together(self, batch: Sequence[Outgoing]) -> list[Outcome]:
        """One call for the batch; an answer without a result for every message leaves all of it in doubt."""
        try:
            answer = await self._post("/messages/batch", {"messages": [self._payload(message) for message in batch]})
            _refuse(answer.status, answer.json(), answer.retry_after)
            results = _results(answer, len(batch))
        except (Rejected, Unavailable, InDoubt) as refusal:
            return [_again(refusal, message.reference) for message in batch]
        return [_outcome(message, result) for message, result in zip(batch, results, strict=True)]

    async def _post(self, path: str, payload: object) -> Answer:
        try:
            return await self.http.post(path, payload)
        except NotConnected as broke:
            raise Unavailable(str(broke)) from broke
        except HttpFailure as broke:
            raise InDoubt(str(broke)) from broke  # written, and no answer: may have been accepted

    def _payload(self, message: Outgoing) -> dict[str, str]:
        payload = {"reference": message.reference, "to": message.to, "from": message.sender, "text": message.text or ""}
        callback_url = message.callback_url or self.config.callback_url
        if callback_url:
            payload["callback_url"] = callback_url
        return payload

    async def look_up(self, reference: str) -> LookUp:
        """Ask what became of a reference."""
        try:
            answer = await self.http.get("/messages", params={"reference": reference})
        except HttpFailure as broke:
            return CannotTell(str(broke))
        found = answer.json()
        if answer.status == 404:
            return Absent()
        if answer.status != 200 or not isinstance(found, dict) or found.get("reference") != reference:
            return CannotTell(f"HTTP {answer.status}")
        return Found(str(found.get("id", "")), events.kind_of(found.get("status")))

    async def status(self, references: Sequence[str]) -> list[Receipt]:
        """Ask for the last event of each message, in one call. Raises: Unavailable."""
        try:
            answer = await self.http.post("/messages/status", {"references": list(references)})
            if answer.status != 200:
                raise Unavailable(f"HTTP {answer.status}", code=str(answer.status))
            return events.receipts(answer.body)
        except (HttpFailure, BadReceipt) as broke:
            raise Unavailable(str(broke)) from broke

    async def reach(self) -> None:
        """Ask for a message that never was: the carrier's "never had it" shows that it is there and knows us."""
        answer = await self.look_up(secrets.token_hex(32))
        if isinstance(answer, CannotTell):
            raise Unavailable(answer.reason)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Tell whether the carrier signed this body in the last five minutes."""
        return signature.verify(self.signing_secret, events.header(headers, events.SIGNATURE), body, now)

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read a verified body. Raises: BadReceipt."""
        return events.receipts(body)

    def parse_inbound(self, body: bytes) -> list[Inbound]:
        """Read replies people wrote. Raises: BadReceipt."""
        return events.inbound(body)


def _accepted(message: Outgoing, status: int, found: Any, retry_after: float | None) -> Accepted:
    _refuse(status, found, retry_after)
    if not isinstance(found, dict) or not found.get("id"):
        raise InDoubt("accepted without an id", code=str(status))
    parts = found.get("parts") if isinstance(found.get("parts"), int) else None
    return Accepted(message.reference, str(found["id"]), _cost(found.get("cost")), parts)


def _refuse(status: int, found: Any, retry_after: float | None) -> None:
    """Raise what a status other than 2xx means."""
    if 200 <= status < 300:
        return
    said = found if isinstance(found, dict) else {}
    reason, code = str(said.get("reason") or f"HTTP {status}"), str(said.get("code") or status)
    if status >= 500 or status == 408:
        raise InDoubt(f"HTTP {status}", code=code)
    if status == 429:
        raise Unavailable("asked to slow down", retry_after=retry_after, category=Category.QUOTA_EXCEEDED, code=code)
    if status in (401, 402, 403, 404):
        category = Category.QUOTA_EXCEEDED if status == 402 else Category.PROVIDER_ERROR
        raise Unavailable(reason, category=category, code=code, whole_account=True)
    if status < 400:
        raise Unavailable(f"HTTP {status}: the account's address leads elsewhere", code=code, whole_account=True)
    raise Rejected(reason, category=events.category_of(code), code=code)


def _results(answer: Answer, expected: int) -> list[dict[str, Any]]:
    found = answer.json()
    results = found.get("results") if isinstance(found, dict) else None
    if not isinstance(results, list) or len(results) != expected or not all(isinstance(r, dict) for r in results):
        raise InDoubt("an answer that does not fit the batch")
    return results


def _outcome(message: Outgoing, result: dict[str, Any]) -> Outcome:
    status = result.get("status")
    try:
        if result.get("reference") != message.reference or not isinstance(status, int):
            raise InDoubt("an answer that does not fit the message")
        return _accepted(message, status, result, None)
    except (Rejected, Unavailable, InDoubt) as refusal:
        return named(refusal, message.reference)


def _again(refusal: Rejected | Unavailable | InDoubt, reference: str) -> Outcome:
    """The refusal of a whole call, as the outcome of one of its messages."""
    match refusal:
        case Rejected():
            # the call was refused, not each message: nothing was accepted, and one by one they may pass
            return Unavailable(refusal.reason, category=Category.PROVIDER_ERROR, code=refusal.code, reference=reference)
        case Unavailable():
            return Unavailable(
                refusal.reason,
                retry_after=refusal.retry_after,
                category=refusal.category,
                code=refusal.code,
                whole_account=refusal.whole_account,
                reference=reference,
            )
        case InDoubt():
            return InDoubt(refusal.reason, code=refusal.code, reference=reference)


def _cost(value: object) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None
