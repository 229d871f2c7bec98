"""What a provider's outcome does to a message: its place in the statement that records a window."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core import clock
from app.domain.messages.rendering import Ready
from app.domain.messages.retries import Again
from app.domain.messages.states import RANKS
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Accepted, Category, InDoubt, Outcome, Refusal, Rejected, Unavailable

Told = list[tuple[Ready, Outcome]]
LONGEST_PAUSE = 3600


# What a fact means for the address itself, whether it was told in the answer or by a receipt.
_BY_KIND = {"complained": "complaint"}
_BY_CATEGORY = {Category.OPTED_OUT: "opt_out", Category.INVALID_NUMBER: "hard_bounce"}
_MAY_END = frozenset({Category.QUOTA_EXCEEDED, Category.TIMEOUT, Category.PROVIDER_ERROR, Category.FILTERED})


def consequence(kind: str, category: str | None) -> str | None:
    """Why nobody may write to the address any more after this, or None: a full mailbox is empty again some day.

    `kind` is a receipt's, or "rejected" for a refusal in the answer.
    """
    found = Category(category) if category else None
    if kind == "bounced" and found not in _MAY_END and found is not Category.OPTED_OUT:
        return "hard_bounce"
    return _BY_KIND.get(kind) or (_BY_CATEGORY.get(found) if found else None)


@dataclass(frozen=True)
class Before:
    """What a claim knows of a message: the number of this attempt, and how often it was put back after a failure."""

    number: int
    retries: int


def lines(
    told: Sequence[tuple[Ready, Outcome]], account: ProviderAccount, before: Mapping[UUID, Before], again: Again
) -> list[dict[str, Any]]:
    """One record a message, as `record` in queries.sql reads them. `again` is what is refused now and tried once more."""
    return [
        {"occurrence_id": str(ready.occurrence_id), "id": str(ready.id)}
        | (_again(outcome, account, before[ready.id], again) or _line(ready, outcome, account, before[ready.id].number))
        for ready, outcome in told
    ]


def _again(outcome: Outcome, account: ProviderAccount, before: Before, again: Again) -> dict[str, Any] | None:
    """A refusal that is tried again, or None."""
    if isinstance(outcome, Rejected) and again.holds(account.channel, outcome.category, before.retries):
        return _state("queued", "rejected") | _why(outcome) | {"due": again.due.isoformat(), "again": True}
    return None


def _line(ready: Ready, outcome: Outcome, account: ProviderAccount, number: int) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        parts = outcome.parts or ready.parts
        cost = outcome.cost if outcome.cost is not None else account.cost * Decimal(parts)
        said = {"reference": outcome.provider_id, "parts": parts, "cost": str(cost)}
        return _state("sent", "accepted") | said
    why = _why(outcome)
    match outcome:
        case InDoubt():
            return _state("in_doubt", "unknown") | why
        case Rejected():
            return _state("failed", "rejected") | why
        case Unavailable():
            # Surely not sent: it waits, longer each time, until its send is out of date.
            pause = outcome.retry_after or min(15 * 2 ** min(number - 1, 10), LONGEST_PAUSE)
            due = clock.now() + timedelta(seconds=pause)
            return _state("queued", "not_sent") | why | {"due": due.isoformat()}


def _why(refusal: Refusal) -> dict[str, Any]:
    return {"reason": refusal.category.value, "error": refusal.reason[:500]}


def _state(state: str, outcome: str) -> dict[str, Any]:
    return {"state": state, "rank": RANKS[state], "outcome": outcome}


def count(told: Sequence[tuple[Ready, Outcome]]) -> Counter[type[Any]]:
    """How many outcomes of each kind."""
    return Counter(type(outcome) for _, outcome in told)
