"""The time zones people are in."""

from sqlalchemy.orm import Session

from app.core.sql import load

_SQL = load("contacts/queries.sql")


def zones(session: Session) -> list[str]:
    """The zones that some contact has, each once; whoever has none is in the organisation's."""
    return list(session.execute(_SQL["zones"]).scalars())
