"""What is not kept for ever: ids of events, and visitors nobody ever got to know."""

from datetime import timedelta

from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import changed, load
from app.domain.events.said import OLDEST

_SQL = load("events/queries.sql")
KEYS_KEPT = timedelta(days=30)  # a telephone that was off for so long tells again what it does not know was heard
AT_ONCE = 5_000


def forget_keys(session: Session) -> int:
    """Forget the next ids under which events were told long ago; how many."""
    return changed(session, _SQL["forget_keys"], {"until": clock.now() - KEYS_KEPT, "most": AT_ONCE})


def forget_visitors(session: Session) -> int:
    """Forget the next visitors who never became known and were not seen for 400 days, with what they did; how many."""
    return changed(session, _SQL["forget_visitors"], {"until": clock.now() - OLDEST, "most": AT_ONCE})
