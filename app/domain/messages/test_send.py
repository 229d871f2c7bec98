"""A text sent as a test, to the contacts that an owner has marked for it and to nobody else.

Whoever writes texts cannot choose who gets them: otherwise a test would be a way to customers without approval. Everything else
is as in a campaign: consent, suppression, recording, receipts.
"""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Conflict, mark
from app.domain.audit import trail
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.models import Template
from app.domain.messages import sends
from app.domain.messages.create_messages import create_messages
from app.domain.messages.models import TEST, Send

KIND = TEST
PRIORITY = 10
SENT_WITHIN = timedelta(hours=1)
MOST_AN_HOUR = 60


def send(session: Session, template: Template, *, by: Actor) -> dict[str, int]:
    """Send the present version of a text to the test recipients; how many get it, and why others do not.

    Raises Conflict (nobody is marked, an archived text, too many tests in this hour), Forbidden.
    """
    require(by, "templates:write")
    if template.archived_at:
        raise Conflict(mark("The template is archived."))
    contacts, now = live(Contact).c, clock.now()
    audience = select(contacts.id).where(contacts.is_test, contacts.deleted_at.is_(None))
    if not session.execute(audience.limit(1)).first():
        raise Conflict(mark("Nobody is marked as a test recipient yet. An owner does that on the page of a contact."))
    lately = select(func.count()).where(Send.source_kind == KIND, Send.created_at > now - timedelta(hours=1))
    if session.execute(lately).scalar_one() >= MOST_AN_HOUR:
        raise Conflict(mark("That were too many tests in an hour. Wait a little."))
    occurrence = sends.new_occurrence(session)
    send = sends.open_send(
        session,
        sends.NewSend(
            first_occurrence=occurrence,
            source=(KIND, template.id),
            source_name=template.name,
            channel=template.channel,
            message_class=template.message_class,
            template_version_id=library.current(session, template).id,
            digest=None,
            priority=PRIORITY,
            not_before=now,
            not_after=now + SENT_WITHIN,
        ),
    )
    counted = create_messages(session, send, audience, occurrence=occurrence)
    trail.record(
        session, by, "template.tested", ("template", template.id), after={"version": template.version, **counted}
    )
    return counted
