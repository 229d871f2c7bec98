"""Orders to misbehave: what `PUT /faults` takes, and the dice."""

import random
import re
from collections.abc import Hashable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.balances import BankFaults

Final = Literal["sent", "delivered", "undeliverable", "failed", "bounced", "complained"]
Rate = Annotated[float, Field(ge=0, le=1)]


class Faults(BaseModel):
    """How the providers behave; what is left out is well-behaved.

    `error_rate` answers HTTP 500 (half of them after accepting, see `error_accepts`), or 451 over SMTP.
    `accept_then_hang_rate` accepts and never answers. `status` maps recipients (patterns with `*`) to an HTTP or SMTP
    status to answer, or to the name of the final receipt (`delivered`, `undeliverable`, `failed`, `bounced`,
    `complained`, `sent`: no final receipt). `bank` are the orders to the core bank.
    Receipts that are "swallowed" never come, but who asks is told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_ms: float = Field(default=0, ge=0, le=600_000)
    error_rate: Rate = 0
    error_accepts: Rate = 0.5
    accept_then_hang_rate: Rate = 0
    receipts: Literal["ok", "never", "late", "duplicate", "shuffled", "swallowed"] = "ok"
    receipt_ms: float = Field(default=500, ge=0, le=600_000)
    late_ms: float = Field(default=20_000, ge=0, le=3_600_000)
    receipts_per_call: int = Field(default=100, ge=1, le=1000)
    lookup: Literal["ok", "off", "lies"] = "ok"
    status: dict[str, int | Final] = {}
    bank: BankFaults = BankFaults()


class Behaviour:
    """The orders in force."""

    def __init__(self) -> None:
        self.dice = random.Random()
        self.order(Faults())

    def order(self, faults: Faults) -> None:
        """Behave so from now on."""
        self.faults = faults
        self._seen: set[Hashable] = set()
        self.calm = not (faults.delay_ms or faults.error_rate or faults.accept_then_hang_rate or faults.status)
        self._patterns = [(_pattern(pattern), answer) for pattern, answer in faults.status.items()]

    def answer_for(self, recipient: str) -> int | str | None:
        """The status ordered for a recipient, if any; the first pattern that fits decides."""
        return next((answer for pattern, answer in self._patterns if pattern.fullmatch(recipient)), None)

    def is_first_time(self, what: Hashable) -> bool:
        """True once for each thing since the last orders."""
        is_new = what not in self._seen
        self._seen.add(what)
        return is_new

    def happens(self, rate: float) -> bool:
        """Roll the dice."""
        return rate > 0 and self.dice.random() < rate


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.IGNORECASE)
