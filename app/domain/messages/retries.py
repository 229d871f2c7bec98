"""What is tried again after it failed, how often and when: one rule for a refusal in the answer and for a receipt.

Whatever opens a send says how often in all, and how many hours apart; it stands in the send, so that nobody else is asked. An
attempt is counted when a provider took the message, or refused this one; what was surely not taken (no connection, asked to
slow down) waits in the queue and counts as none, and a fault of the whole account pauses the account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import clock
from app.domain.calendar.windows import Windows, windows_of
from app.domain.messages.models import Send
from app.gateways.channels.base import Category

AGAIN = (Category.TIMEOUT, Category.QUOTA_EXCEEDED, Category.PROVIDER_ERROR)
FOR_GOOD = (Category.UNDELIVERABLE, Category.FILTERED, Category.OPTED_OUT, Category.INVALID_NUMBER)
CHANNELS = ("sms",)
MOST = 3  # attempts in all that a send may ask for, and those of one that does not say
HOURS = 6  # between them, of a send that does not say
LONGEST = 24  # hours between them that a send may ask for
ALLOWED = timedelta(hours=24)  # so long after it is due a retry may go out, however short its send was to last


@dataclass(frozen=True)
class Again:
    """Of a send: how often something is tried in all, and when what failed now is due."""

    most: int
    due: datetime

    def holds(self, channel: str, category: Category | None, retries: int) -> bool:
        """True if what failed so is tried once more; `retries` is how often it has been."""
        return channel in CHANNELS and category in AGAIN and retries + 1 < self.most


def again(send: Send, hours: Windows | None) -> Again:
    """The rule of a send now; `hours` are the allowed ones, for what keeps them."""
    return Again(send.most_attempts, _due(send.retry_hours, hours))


def _due(pause: int, hours: Windows | None) -> datetime:
    """After the pause, and within the allowed hours for what keeps them."""
    later = clock.now() + timedelta(hours=pause)
    return (hours.next_open(later) if hours else None) or later


def rule(session: Session) -> dict[str, object]:
    """The rule as the statements of queries.sql name it; later in `order` is the worse of two words about one attempt.

    `dues` has a moment for each number of hours a send may ask for.
    """
    hours, pauses = windows_of(session), range(1, LONGEST + 1)
    return {
        "again": [str(one) for one in AGAIN],
        "order": [str(one) for one in (*AGAIN, *FOR_GOOD)],
        "channels": list(CHANNELS),
        "dues": [_due(pause, None) for pause in pauses],
        "dues_in_hours": [_due(pause, hours) for pause in pauses],
        "allowed": ALLOWED,
    }
