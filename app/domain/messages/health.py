"""What a run learns about the accounts it sends through, told to the breaker that all workers share."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import breaker
from app.domain.messages.claims import Claim
from app.domain.messages.outcomes import Told
from app.domain.providers import accounts
from app.gateways.channels.base import Accepted, InDoubt, Rejected, Unavailable

HEALTHY = 500  # so many good outcomes are told to the breaker at once


class Health:
    """Good outcomes are collected, bad ones told at once. A refusal of one message is good news of the account."""

    def __init__(self, open_unit: Callable[[], AbstractContextManager[Session]], redis_url: str) -> None:
        self._unit = open_unit
        self._redis_url = redis_url
        self._good: Counter[UUID] = Counter()

    async def note(self, claim: Claim, told: Told) -> bool:
        """Count a window; True if its account is to be left alone from now on."""
        account_id = claim.account.id
        bad = [outcome for _, outcome in told if isinstance(outcome, Unavailable | InDoubt)]
        self._good[account_id] += sum(isinstance(outcome, Accepted | Rejected) for _, outcome in told)
        if not bad and not claim.is_probe and self._good[account_id] < HEALTHY:
            return False
        return await asyncio.to_thread(self._tell, account_id, self._good.pop(account_id), bad)

    def _tell(self, account_id: UUID, good: int, bad: Sequence[Unavailable | InDoubt]) -> bool:
        moved = breaker.record(self._redis_url, str(account_id), good, len(bad))
        is_refused = any(isinstance(outcome, Unavailable) and outcome.whole_account for outcome in bad)
        if moved or is_refused:
            with self._unit() as session:
                accounts.note_health(session, account_id, bad[0].reason if bad else None)
        return moved == "opened" or is_refused
