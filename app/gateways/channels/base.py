"""What every channel adapter promises: messages in, outcomes out, receipts verified and read."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

BEGIN_SECONDS = 30.0  # what could not be begun by then was surely not sent


class Category(StrEnum):
    """Why a message failed, in the product's words; retries are decided by it."""

    INVALID_NUMBER = "invalid_number"  # also an e-mail address that does not exist
    TIMEOUT = "timeout"
    QUOTA_EXCEEDED = "quota_exceeded"
    UNDELIVERABLE = "undeliverable"
    PROVIDER_ERROR = "provider_error"
    OPTED_OUT = "opted_out"
    FILTERED = "filtered"


class ReceiptKind(StrEnum):
    """What a provider tells later about a message it accepted."""

    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNDELIVERABLE = "undeliverable"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it goes over the wire: `text` for SMS, `mime` (CRLF lines) for e-mail."""

    reference: str  # ours; the provider carries it, look-ups and receipts name it
    to: str  # E.164 or one bare e-mail address
    sender: str  # sender name or number, or the envelope sender
    text: str | None = None
    mime: bytes | None = None
    callback_url: str | None = None  # where this message's receipts go, when not the account's own address


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message: it must never be handed over again."""

    reference: str
    provider_id: str
    cost: Decimal | None = None
    parts: int | None = None


class Refusal(Exception):
    """An outcome other than accepted. Raised by `send_one`, yielded by `send` with its reference filled in."""

    def __init__(self, reason: str, *, category: Category, code: str | None = None, reference: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.category = category
        self.code = code
        self.reference = reference


class Rejected(Refusal):
    """Refused for good: the same message would be refused again."""

    def __init__(
        self, reason: str, *, category: Category = Category.UNDELIVERABLE, code: str | None = None, reference: str = ""
    ) -> None:
        super().__init__(reason, category=category, code=code, reference=reference)


class Unavailable(Refusal):
    """Surely not accepted: may be sent later (after `retry_after` seconds, if given) or another way.

    `whole_account` tells that every other message would meet the same (password, credit): stop the batch.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        category: Category = Category.PROVIDER_ERROR,
        code: str | None = None,
        whole_account: bool = False,
        reference: str = "",
    ) -> None:
        super().__init__(reason, category=category, code=code, reference=reference)
        self.retry_after = retry_after
        self.whole_account = whole_account


class InDoubt(Refusal):
    """May have been accepted: never sent again without evidence or a policy."""

    def __init__(self, reason: str, *, code: str | None = None, reference: str = "") -> None:
        super().__init__(reason, category=Category.PROVIDER_ERROR, code=code, reference=reference)


Outcome = Accepted | Rejected | Unavailable | InDoubt


@dataclass(frozen=True, slots=True)
class Receipt:
    """One event from the provider; `event_key` is the same however often it is delivered."""

    event_key: str
    reference: str | None
    provider_id: str | None
    kind: ReceiptKind
    occurred_at: datetime
    category: Category | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message a person wrote to us."""

    event_key: str
    sender: str
    to: str
    text: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """The provider knows the reference; `kind` when it also tells how far the message came."""

    provider_id: str
    kind: ReceiptKind | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider says it never had the reference. Believed only after it has found one known to exist."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """No answer, or a provider that cannot be asked."""

    reason: str


LookUp = Found | Absent | CannotTell


class BadReceipt(ValueError):
    """A body with a good signature that does not read as the provider's receipts."""


class Channel(Protocol):
    """A provider account, opened for sending with `async with`, or used closed for its receipts."""

    batch_size: int
    status_batch: int  # how many references `status` takes in one call; 0 where the provider cannot be asked

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def send(self, batch: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Yield one outcome per message, in the order they become known."""
        ...

    async def look_up(self, reference: str) -> LookUp:
        """Ask the provider what became of a reference."""
        ...

    async def status(self, references: Sequence[str]) -> list[Receipt]:
        """Ask what became of accepted messages: what a webhook would tell of each, those it does not know left out.

        Raises: Unavailable.
        """
        ...

    async def reach(self) -> None:
        """Show that the provider is there and knows us, without sending anything. Raises: Unavailable."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Tell whether a webhook's raw body is signed by the provider, and fresh."""
        ...

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read a verified body. Raises: BadReceipt."""
        ...

    def parse_inbound(self, body: bytes) -> list[Inbound]:
        """Read a verified body of messages people wrote. Raises: BadReceipt."""
        ...


class Opened:
    """What is opened for a while: `async with` opens and closes it."""

    async def open(self) -> None:
        """Connect; nothing to do for adapters that connect as they send."""

    async def close(self) -> None:
        """Let connections go; nothing to do for adapters without."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class OneByOne(Opened):
    """Base of adapters: makes `send` of `send_one`, at most `concurrency` at a time, however many batches there are."""

    batch_size = 50
    status_batch = 0
    concurrency = 50
    _room: asyncio.Semaphore | None = None

    async def send_one(self, message: Outgoing) -> Accepted:
        """Hand one message to the provider. Raises: Rejected, Unavailable, InDoubt."""
        raise Unavailable("this adapter cannot send")

    async def send(self, batch: Sequence[Outgoing]) -> AsyncIterator[Outcome]:
        """Yield one outcome per message, in the order they become known.

        An error that is none of the three (a bug in an adapter) goes through to the caller: whatever was
        written by then is in doubt, and the caller's intents say so.
        """
        self._room = self._room or asyncio.Semaphore(self.concurrency)
        until = monotonic() + BEGIN_SECONDS
        known: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()
        calls = [asyncio.create_task(self._call(message, self._room, until)) for message in batch]
        for call in calls:
            call.add_done_callback(known.put_nowait)
        try:
            for _ in calls:
                yield (await known.get()).result()
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _call(self, message: Outgoing, room: asyncio.Semaphore, until: float) -> Outcome:
        async with room:
            if monotonic() > until:
                return Unavailable("the provider was too slow to begin this one", reference=message.reference)
            try:
                return await self.send_one(message)
            except (Rejected, Unavailable, InDoubt) as refusal:
                return named(refusal, message.reference)

    async def look_up(self, reference: str) -> LookUp:
        """Ask the provider what became of a reference."""
        return CannotTell("this provider cannot be asked")

    async def status(self, references: Sequence[str]) -> list[Receipt]:
        """Ask what became of accepted messages. Raises: Unavailable."""
        raise Unavailable("this provider cannot be asked")

    async def reach(self) -> None:
        """Show that the provider is there; an adapter that reaches nobody always is. Raises: Unavailable."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Refuse: an adapter without receipts believes nobody."""
        return False

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read nothing: an adapter without receipts has none."""
        return []

    def parse_inbound(self, body: bytes) -> list[Inbound]:
        """Read nothing: an adapter without replies has none."""
        return []


def named(refusal: Rejected | Unavailable | InDoubt, reference: str) -> Outcome:
    """Turn a raised refusal into the outcome of one message, without the frames it was raised in."""
    refusal.reference = reference
    refusal.__cause__ = refusal.__context__ = None
    return refusal.with_traceback(None)
