"""A channel that keeps what it is given, for tests: it can be told to refuse, to be away, to leave in doubt."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from app.gateways import signature
from app.gateways.channels import events
from app.gateways.channels.base import (
    Absent,
    Accepted,
    CannotTell,
    Found,
    InDoubt,
    LookUp,
    OneByOne,
    Outgoing,
    Receipt,
    Rejected,
    Unavailable,
)
from app.gateways.channels.config import ChannelConfig

Answer = Rejected | Unavailable | InDoubt | None


class Memory(OneByOne):
    """Keeps accepted messages in `sent`. `answer` decides per message: None accepts, a refusal is raised.

    A message left in doubt is kept too when `doubt_accepts`: as with a real provider that took it and never said so.
    """

    def __init__(
        self,
        config: ChannelConfig | None = None,
        secret: str = "",
        *,
        signing_secret: str = "",
        allow_private: bool = False,
        answer: Callable[[Outgoing], Answer] = lambda message: None,
    ) -> None:
        self.signing_secret = signing_secret or secret
        self.answer = answer
        self.doubt_accepts = True
        self.can_look_up = True
        self.sent: list[Outgoing] = []

    async def send_one(self, message: Outgoing) -> Accepted:
        """Keep the message. Raises: whatever `answer` says."""
        refusal = self.answer(message)
        if refusal is None or (isinstance(refusal, InDoubt) and self.doubt_accepts):
            self.sent.append(message)
        if refusal is not None:
            raise refusal
        return Accepted(message.reference, provider_id=f"memory-{len(self.sent)}")

    async def look_up(self, reference: str) -> LookUp:
        """Look among what was kept."""
        if not self.can_look_up:
            return CannotTell("told not to tell")
        for number, message in enumerate(self.sent, start=1):
            if message.reference == reference:
                return Found(f"memory-{number}")
        return Absent()

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Verify as the sandbox's providers do."""
        return signature.verify(self.signing_secret, events.header(headers, events.SIGNATURE), body, now)

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read as the sandbox's providers write. Raises: BadReceipt."""
        return events.receipts(body)


def receipts_body(*receipts: Receipt) -> bytes:
    """Write receipts as this channel reads them."""
    return json.dumps({"events": [events.as_json(receipt) for receipt in receipts]}).encode()
