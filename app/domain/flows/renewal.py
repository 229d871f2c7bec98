"""What runs is approved again every year: who made the flow and who approves flows are told a month before, and when it is due."""

from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import Actor, require
from app.core.errors import mark
from app.domain.access import users
from app.domain.access.models import User
from app.domain.approvals.models import Approval
from app.domain.flows.draft_state import SOON, YEAR
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.states import BEGUN, NEEDS
from app.domain.notices.post import post

MOST = 20
_SOON = mark("The flow “%(name)s” is to be approved again by %(day)s")
_SOON_BODY = mark(
    "What runs of the flow “%(name)s” was approved almost a year ago. Look through it, submit it again by %(day)s, as it is or"
    " changed, and let another person approve it. It goes on running meanwhile."
)
_NOW = mark("The flow “%(name)s” is to be approved again now")
_NOW_BODY = mark(
    "What runs of the flow “%(name)s” was approved a year ago, and nobody has approved it since (%(day)s). It still runs. Look"
    " through it and submit it again, or pause it."
)


def due(session: Session, *, by: Actor) -> list[tuple[Flow, datetime]]:
    """The flows that are to be approved again within a month, or were to be, and until when; not those already asked for."""
    require(by, "flows:read")
    return _due(session)


def tell(session: Session) -> int | None:
    """Tell of each once when a month is left, and once when it is due."""
    for flow, until in _due(session, untold=True):
        _tell(session, flow, until)
        flow.renewal_told_at = clock.now()
    session.flush()
    return None


def _due(session: Session, *, untold: bool = False) -> list[tuple[Flow, datetime]]:
    """The next MOST of them; `untold`: whose people have not been told since the month before began, or since it is due."""
    given, asked = Approval.__table__.alias("given"), Approval.__table__.alias("asked")
    approved = func.coalesce(given.c.decided_at, FlowVersion.created_at)
    query = (
        select(Flow, (approved + YEAR).label("until"))
        .join(FlowVersion, FlowVersion.id == Flow.version_id)
        .outerjoin(given, given.c.id == FlowVersion.approval_id)
        .outerjoin(asked, asked.c.id == Flow.approval_id)
        .where(Flow.state.in_(BEGUN), approved < clock.now() - YEAR + SOON)
        .where(or_(asked.c.id.is_(None), asked.c.state.not_in(("pending", "approved"))))
        .order_by(approved, Flow.id)
    )
    if untold:
        until = approved + YEAR
        begins = case((until <= clock.now(), until), else_=until - SOON)
        query = query.where(or_(Flow.renewal_told_at.is_(None), Flow.renewal_told_at < begins))
    return [(flow, until) for flow, until in session.execute(query.limit(MOST)).all()]


def _tell(session: Session, flow: Flow, until: datetime) -> None:
    subject, body = (_NOW, _NOW_BODY) if until <= clock.now() else (_SOON, _SOON_BODY)
    for user in _people(session, flow):
        locale = user.locale or "en"
        values: dict[str, object] = {"name": flow.name, "day": i18n.day(until.date(), locale)}
        said, more = i18n.say(subject, values, locale), i18n.say(body, values, locale)
        post(session, user.email, said, more, source=(SUBJECT, flow.id))


def _people(session: Session, flow: Flow) -> list[User]:
    """Its maker, while he is here, and everybody who could approve it."""
    found = {user.id: user for user in users.with_permission(session, NEEDS["approve"])}
    maker = session.get(User, flow.created_by)
    if maker is not None and maker.is_active:
        found[maker.id] = maker
    return list(found.values())
