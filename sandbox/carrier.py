"""The SMS carrier: POST /messages, POST /messages/batch, POST /messages/status, GET /messages?reference=."""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from sandbox.faults import Behaviour
from sandbox.ledger import Ledger
from sandbox.receipts import Receipts, last_event

NUMBER = re.compile(r"\+[1-9]\d{7,14}")
GSM = re.compile(r"[A-Za-z0-9 \r\n@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,\-./:;<=>?¡ÄÖÑÜ§¿äöñüà]*")
BATCH = 50
ASKED = 100
HANG_SECONDS = 600
Answer = tuple[int, dict[str, Any]]


class Carrier:
    """The carrier's API. Nothing is deduplicated: a reference sent twice is two messages, as at a real carrier."""

    def __init__(self, ledger: Ledger, behaviour: Behaviour, receipts: Receipts, secret: str) -> None:
        self.ledger = ledger
        self.behaviour = behaviour
        self.receipts = receipts
        self.default_callback = ""
        self._authorization = f"Bearer {secret}"

    def routes(self) -> list[web.RouteDef]:
        """The routes of this file; the first is the hot one."""
        return [
            web.post("/messages", self.one),
            web.get("/messages", self.look_up),
            web.post("/messages/batch", self.batch),
            web.post("/messages/status", self.status),
        ]

    async def one(self, request: web.Request) -> web.Response:
        """Take one message."""
        raw = await request.read()
        if request.headers.get("Authorization") != self._authorization:
            return _answer(401, {"reason": "wrong secret", "code": "unauthorized"})
        message = _read(raw)
        if not isinstance(message, dict):
            return _answer(400, {"reason": "not a JSON object", "code": "malformed"})
        status, body = self._take(message) if self.behaviour.calm else await self._misbehave(message)
        return _answer(status, body)

    async def batch(self, request: web.Request) -> web.Response:
        """Take up to 50 messages; one result for each, in their order."""
        raw = await request.read()
        if request.headers.get("Authorization") != self._authorization:
            return _answer(401, {"reason": "wrong secret", "code": "unauthorized"})
        found = _read(raw)
        messages = found.get("messages") if isinstance(found, dict) else None
        if not isinstance(messages, list) or not 0 < len(messages) <= BATCH:
            return _answer(400, {"reason": f"1 to {BATCH} messages", "code": "malformed"})
        answers = [
            (message, self._take(message) if self.behaviour.calm else await self._misbehave(message))
            for message in messages
        ]
        results = [{"reference": message.get("reference"), "status": s, **body} for message, (s, body) in answers]
        return _answer(200, {"results": results})

    async def look_up(self, request: web.Request) -> web.Response:
        """Tell what became of a reference; off or lying when told so."""
        if request.headers.get("Authorization") != self._authorization:
            return _answer(401, {"reason": "wrong secret", "code": "unauthorized"})
        mode = self.behaviour.faults.lookup
        if mode == "off":
            return _answer(503, {"reason": "look-up is off", "code": "off"})
        item = self.ledger.sms.by_reference.get(request.query.get("reference", ""))
        if item is None or mode == "lies":
            return _answer(404, {"reason": "no such reference", "code": "unknown"})
        return _answer(200, {"id": item.id, "reference": item.reference, "status": item.status, "parts": item.parts})

    async def status(self, request: web.Request) -> web.Response:
        """Tell the last event of up to 100 references, those unknown left out; off or lying when told so."""
        raw = await request.read()
        if request.headers.get("Authorization") != self._authorization:
            return _answer(401, {"reason": "wrong secret", "code": "unauthorized"})
        found, mode = _read(raw), self.behaviour.faults.lookup
        references = found.get("references") if isinstance(found, dict) else None
        if not isinstance(references, list) or len(references) > ASKED:
            return _answer(400, {"reason": f"up to {ASKED} references", "code": "malformed"})
        if mode == "off":
            return _answer(503, {"reason": "look-up is off", "code": "off"})
        known = self.ledger.sms.by_reference if mode == "ok" else {}
        items = [known[one] for one in references if isinstance(one, str) and one in known]
        return _answer(200, {"events": [event for item in items if (event := last_event(item))]})

    async def _misbehave(self, message: dict[str, Any]) -> Answer:
        faults, behaviour = self.behaviour.faults, self.behaviour
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        ordered = behaviour.answer_for(str(message.get("to", "")))
        if isinstance(ordered, int) and ordered >= 300:
            return ordered, {"reason": "as ordered", "code": str(ordered)}
        if behaviour.happens(faults.error_rate):
            if behaviour.happens(faults.error_accepts):
                self._take(message)
            return 500, {"reason": "internal error", "code": "500"}
        answer = self._take(message)
        if behaviour.happens(faults.accept_then_hang_rate):
            await asyncio.sleep(HANG_SECONDS)
        return answer

    def _take(self, message: dict[str, Any]) -> Answer:
        reference, to, text = message.get("reference"), message.get("to"), message.get("text")
        if not (isinstance(reference, str) and isinstance(to, str) and isinstance(text, str) and reference and text):
            return 422, {"reason": "reference, to and text are needed", "code": "malformed"}
        if not NUMBER.fullmatch(to):
            return 422, {"reason": "not a phone number", "code": "invalid_number"}
        item = self.ledger.accept_sms(
            reference=reference,
            to=to,
            sender=str(message.get("from", "")),
            text=text,
            parts=parts(text),
            callback_url=str(message.get("callback_url") or self.default_callback),
        )
        self.receipts.plan(item, self._fate(to))
        return 201, {"id": item.id, "parts": item.parts}

    def _fate(self, to: str) -> tuple[str, ...]:
        ordered = None if self.behaviour.calm else self.behaviour.answer_for(to)
        if isinstance(ordered, str):
            return ("sent",) if ordered == "sent" else ("sent", ordered)
        return ("sent", "undeliverable") if to.endswith("0000") else ("sent", "delivered")


def parts(text: str) -> int:
    """How many parts a text is billed as, roughly as carriers count."""
    single, several = (160, 153) if GSM.fullmatch(text) else (70, 67)
    units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    return 1 if units <= single else -(-units // several)


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _answer(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
