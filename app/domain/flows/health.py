"""A flow in which too much fails stops itself and says so."""

from datetime import timedelta

from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import system
from app.core.errors import mark
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.access import users
from app.domain.flows import lifecycle
from app.domain.flows.drafts import SUBJECT
from app.domain.notices.post import post

WITHIN = timedelta(hours=1)
_SQL = load("flows/queries.sql")
_SUBJECT = mark("The flow “%(name)s” has stopped itself")
_BODY = mark(
    "In the last hour %(failed)s people could not go on in the flow “%(name)s”. So that there are no more, it was paused:"
    " nobody enters and nobody goes on. Open the flow, see why their steps failed, then ask for it to go on."
)


def pause_failing(session: Session) -> int:
    """Pause flows in which more than one of twenty has failed, of fifty at least in an hour, and tell who can see to it."""
    organisation_id, since = actor_of(session).organisation_id, clock.now() - WITHIN
    failing = session.execute(_SQL["failing"], {"organisation": organisation_id, "since": since}).all()
    for row in failing:
        flow = lifecycle.pause(session, row.id, by=system(organisation_id))
        values: dict[str, object] = {"name": flow.name, "failed": row.failed}
        for user in users.with_permission(session, "flows:stop"):
            locale = user.locale or "en"
            subject, body = i18n.say(_SUBJECT, values, locale), i18n.say(_BODY, values, locale)
            post(session, user.email, subject, body, source=(SUBJECT, flow.id))
    return len(failing)
