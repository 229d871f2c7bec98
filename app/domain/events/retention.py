"""What is not kept for ever: what people did, ids of events, and visitors nobody ever got to know."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import changed, load
from app.core.unit import settings_of
from app.domain.events.said import OLDEST

_SQL = load("events/queries.sql")
KEYS_KEPT = timedelta(days=30)  # a telephone that was off for so long tells again what it does not know was heard
AT_ONCE = 5_000


def kept_since(session: Session) -> datetime:
    """From when on everything people did is kept: the first of a month, since whole months are dropped."""
    oldest = clock.now().astimezone(UTC) - timedelta(days=settings_of(session).behaviour_days)
    return oldest.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def drop_months(session: Session) -> int:
    """Drop the months of events and of moves between segments that are not kept any longer, of all organisations; how many."""
    dropped: int = session.execute(select(func.drop_behaviour(kept_since(session)))).scalar_one()
    return dropped


def forget_keys(session: Session) -> int:
    """Forget the next ids under which events were told long ago; how many."""
    return changed(session, _SQL["forget_keys"], {"until": clock.now() - KEYS_KEPT, "most": AT_ONCE})


def forget_visitors(session: Session) -> int:
    """Forget the next visitors who never became known and were not seen for 400 days, with what they did; how many."""
    return changed(session, _SQL["forget_visitors"], {"until": clock.now() - OLDEST, "most": AT_ONCE})
