"""The recipient allow-list: outside production a message reaches only who is on it."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.gateways.channels.base import Category, Channel, Inbound, LookUp, Opened, Outcome, Outgoing, Receipt, Rejected

NOT_ALLOWED = "recipient not on the allow-list of this environment"
# One bare number or address. A list, a display name or a line break could smuggle a second recipient past a pattern.
_ONE_RECIPIENT = re.compile(r"[^\s<>,;:\"()\\\x00-\x1f\x7f]{1,320}")


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may be written to: patterns with `*`, or None for everybody (production)."""

    patterns: tuple[re.Pattern[str], ...] | None

    @classmethod
    def everybody(cls) -> "Guard":
        """Let every recipient pass: production only."""
        return cls(None)

    @classmethod
    def only(cls, patterns: Sequence[str]) -> "Guard":
        """Let only recipients pass that match a pattern such as `+97252*` or `*@mail.example`; none: nobody."""
        return cls(tuple(_compiled(pattern) for pattern in patterns))

    def permits(self, recipient: str) -> bool:
        """Tell whether a message may go to this recipient from this environment."""
        if not _ONE_RECIPIENT.fullmatch(recipient):
            return False
        return self.patterns is None or any(pattern.fullmatch(recipient) for pattern in self.patterns)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)


class Guarded(Opened):
    """A channel behind the guard; the registry opens no other."""

    def __init__(self, channel: Channel, guard: Guard) -> None:
        self.channel = channel
        self.guard = guard
        self.batch_size = channel.batch_size
        self.status_batch = channel.status_batch

    async def open(self) -> None:
        """Open the channel."""
        await self.channel.open()

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    async def send(self, batch: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Yield one outcome per message; who is not permitted is rejected and never reaches the wire."""
        permitted = [message for message in batch if self.guard.permits(message.to)]
        if len(permitted) < len(batch):
            for message in batch:
                if not self.guard.permits(message.to):
                    yield Rejected(NOT_ALLOWED, category=Category.FILTERED, code="guard", reference=message.reference)
        if permitted:
            async for outcome in self.channel.send(permitted):
                yield outcome

    async def look_up(self, reference: str) -> LookUp:
        """Ask the provider what became of a reference."""
        return await self.channel.look_up(reference)

    async def status(self, references: Sequence[str]) -> list[Receipt]:
        """Ask what became of accepted messages. Raises: Unavailable."""
        return await self.channel.status(references)

    async def reach(self) -> None:
        """Show that the provider is there, without sending anything. Raises: Unavailable."""
        await self.channel.reach()

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Tell whether a webhook's raw body is signed by the provider, and fresh."""
        return self.channel.verify(headers, body, now)

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read a verified body. Raises: BadReceipt."""
        return self.channel.parse_receipts(body)

    def parse_inbound(self, body: bytes) -> list[Inbound]:
        """Read a verified body of messages people wrote. Raises: BadReceipt."""
        return self.channel.parse_inbound(body)
