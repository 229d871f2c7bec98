"""What a contact answered."""

from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.messages import replies as domain
from app.http.auth import allow
from app.web import paging
from app.web.contacts.blueprint import bp
from app.web.contacts.show import head
from app.web.render import page_or_part
from app.web.replies import drawn


@bp.get("/<uuid:contact_id>/replies")
@allow("messages:read")
def replies(contact_id: UUID) -> ResponseReturnValue:
    """All replies from the contact's addresses."""
    values = head(contact_id)
    page = domain.listed(db.session(), paging.asked(), by=g.actor, is_open=False, contact_id=contact_id)
    return page_or_part(
        "contacts/replies.html",
        "replies/_replies.html",
        tab="replies",
        page=page,
        is_open=False,
        **values,
        **drawn(page.items),
    )
