"""Short links of SMS: a random code beside the message it leads to, kept before the message is handed over."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.links import Target, read_code
from app.core.pipeline import Step
from app.core.sql import load
from app.domain.messages.reference import keys

_SQL = load("messages/queries.sql")


def keep(codes: Iterable[tuple[UUID, UUID, int]]) -> Step:
    """The step that keeps the codes of messages: (occurrence, message, code) each."""
    rows = list(codes)
    named = keys([(occurrence, message) for occurrence, message, _ in rows])
    return _SQL["keep_links"], {**named, "codes": [code for _, _, code in rows]}


def find(session: Session, token: str) -> Target | None:
    """What a short link is about, before the organisation is known; None if there is no such code."""
    code = read_code(token)
    if code is None:
        return None
    row = session.execute(text("SELECT * FROM find_link(:code)"), {"code": code}).one_or_none()
    return Target("u", row.organisation_id, row.occurrence_id, row.message_id) if row else None
