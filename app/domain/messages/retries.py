"""What is tried again after it failed, how often and when: one rule for a refusal in the answer and for a receipt.

An attempt is counted when a provider took the message, or refused this one; what was surely not taken (no connection, asked to
slow down) waits in the queue and counts as none, and a fault of the whole account pauses the account.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import clock
from app.domain.calendar.windows import Windows, windows_of
from app.gateways.channels.base import Category

AGAIN = (Category.TIMEOUT, Category.QUOTA_EXCEEDED, Category.PROVIDER_ERROR)
FOR_GOOD = (Category.UNDELIVERABLE, Category.FILTERED, Category.OPTED_OUT, Category.INVALID_NUMBER)
CHANNELS = ("sms",)
MOST = 3  # attempts in all
PAUSE = timedelta(hours=6)
ALLOWED = timedelta(hours=24)  # so long after it is due a retry may go out, however short its send was to last


def is_due_again(channel: str, category: Category | None, retries: int) -> bool:
    """True if what failed so is tried once more; `retries` is how often it has been."""
    return channel in CHANNELS and category in AGAIN and retries + 1 < MOST


def next_due(hours: Windows | None) -> datetime:
    """When what failed now is tried again: after the pause, and within the allowed hours for what keeps them."""
    later = clock.now() + PAUSE
    return (hours.next_open(later) if hours else None) or later


def rule(session: Session) -> dict[str, object]:
    """The rule as the statements of queries.sql name it; later in `order` is the worse of two words about one attempt."""
    return {
        "again": [str(one) for one in AGAIN],
        "order": [str(one) for one in (*AGAIN, *FOR_GOOD)],
        "channels": list(CHANNELS),
        "most": MOST,
        "due": next_due(None),
        "due_in_hours": next_due(windows_of(session)),
        "allowed": ALLOWED,
    }
