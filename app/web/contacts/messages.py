"""What was sent to a contact, or why not."""

from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.messages import listing
from app.http.auth import allow
from app.web import paging
from app.web.contacts.blueprint import bp
from app.web.contacts.show import head
from app.web.messages import drawn
from app.web.render import page_or_part


@bp.get("/<uuid:contact_id>/messages")
@allow("messages:read")
def messages(contact_id: UUID) -> ResponseReturnValue:
    """All messages to the contact, newest first."""
    values = head(contact_id)
    page = listing.listed(db.session(), listing.Filter(contact_id=contact_id), paging.asked(), by=g.actor)
    return page_or_part(
        "contacts/messages.html",
        "messages/_messages.html",
        tab="messages",
        page=page,
        **values,
        **drawn(list(page.items)),
    )
