"""Who gets the report of a programme's months: whoever a second person let ask for it, and those who have a hand in a month.

Everybody who gets it may leave with one click, signed in or by the link in the mail; then he gets no more of it, also where he
has a hand in a month, until a second person lets him have it again.
"""

from collections.abc import Iterable, Sequence
from typing import Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, i18n, rows
from app.core.actor import Actor, require, system
from app.core.errors import Conflict, Forbidden, Invalid, mark
from app.core.links import Links, Target
from app.core.page import Ask, Page, fetch
from app.core.text import email as normal_email
from app.core.trace import masked
from app.core.unit import settings_of
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.access.models import User
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.bank import programmes
from app.domain.bank.models import Programme, QualificationRun
from app.domain.notices import deliver
from app.domain.notices.post import post
from app.domain.reports.models import Subscriber

SUBJECT = "report_subscriber"
LINK = "r"  # of core/links.py
MISSING = mark("Nobody gets this report under this name.")
_LEFT = mark("%(address)s left the report of “%(programme)s” and gets no more of it.")
_LEFT_TITLE = mark("Somebody left the report of “%(programme)s”")


class SubscriberInput(BaseModel):
    """Who is to get the report (without an address whoever asks), in which language and as which files."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    address: str = Field(default="", max_length=254)
    language: Literal["en", "he"] = "en"
    formats: tuple[Literal["xlsx", "pdf"], ...] = Field(default=("xlsx", "pdf"), min_length=1, max_length=2)


def ask(session: Session, programme_id: UUID, new: SubscriberInput, *, by: Actor) -> Approval:
    """Ask a second person to let somebody get the report of a programme's months.

    Raises NotFound, Invalid (the address), Conflict (he gets it just so, or it is asked for just so), Forbidden.
    """
    _read(by)
    programme = programmes.get(session, programme_id, by=by)
    wanted = new.model_copy(update={"address": _address(session, new.address or _own_address(session, by))})
    known = _of_address(session, programme_id, wanted.address)
    if known and known.is_asked and not known.left_at and _plain(known) == _plain(wanted):
        raise Conflict(mark("This address gets the report already."))
    # Who does not get it yet is found again by his address: asked for twice, it is one request.
    subject = known.id if known else uuid5(programme.id, wanted.address)
    values = {"programme": programme.id, **wanted.model_dump(mode="json")}
    after = {
        "programme": programme.name, "recipients": wanted.address, "language": wanted.language,
        "formats": list(wanted.formats),
    }  # fmt: skip
    waiting = decisions.open_request(session, (SUBJECT, subject))
    has_left_since = known and waiting and known.left_at and known.left_at > waiting.made_at
    if waiting and waiting.summary["after"] == after and not has_left_since:
        raise Conflict(mark("This was asked for already and waits for a second person, under Approvals."))
    change = Change(
        (SUBJECT, subject), f"{programme.name}: {wanted.address}", "report.subscribe", programmes.DECIDES,
        values=values, after=after, state=_standing(known),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def _standing(known: Subscriber | None) -> dict[str, object]:
    """What a request was made from: whoever leaves or changes meanwhile is asked about anew."""
    if known is None:
        return {}
    return {
        "left_at": known.left_at and known.left_at.isoformat(),
        "language": known.language,
        "formats": known.formats,
    }


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Subscriber:
    """Let somebody get the report. Raises NotFound, Conflict (decided, expired), Invalid, Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    values = changes.approve(
        session, approval, state=_standing(session.get(Subscriber, approval.subject_id)), note=note, by=by
    )
    programme = programmes.one_for_update(session, UUID(values.pop("programme")))
    wanted = SubscriberInput.model_validate(values)
    row = _of_address(session, programme.id, _address(session, wanted.address))
    if row is None:
        row = _added(session, programme.id, wanted, key=approval.subject_id)
    row.language, row.formats, row.is_asked, row.left_at = wanted.language, list(wanted.formats), True, None
    after = {"programme": programme.id, "recipients": masked(row.address)}
    trail.record(session, by, "report.subscribed", (SUBJECT, row.id), after=after)
    session.flush()
    return row


def listed(session: Session, programme_id: UUID, page: Ask, *, by: Actor) -> Page[Subscriber]:
    """A page of those who get the report of a programme's months, by their addresses. Raises NotFound, Forbidden."""
    _read(by)
    programme = programmes.get(session, programme_id, by=by)
    query = select(Subscriber).where(Subscriber.programme_id == programme.id, Subscriber.left_at.is_(None))
    return fetch(session, query, [Subscriber.__table__.c.address, Subscriber.__table__.c.id], page)


def own(session: Session, programme_id: UUID, *, by: Actor) -> Subscriber | None:
    """Whether whoever asks gets it himself."""
    _read(by)
    row = _of_address(session, programme_id, _own_address(session, by)) if by.id else None
    return row if row and not row.left_at else None


def leave(session: Session, subscriber_id: UUID, *, by: Actor) -> Subscriber:
    """Let somebody get the report no more: himself, or anybody for whoever may change programmes; nothing if he gets it no more.

    Raises NotFound, Forbidden.
    """
    _read(by)
    row = rows.one_for_update(session, Subscriber, subscriber_id, MISSING)
    if not may_leave(session, row, by=by):
        raise Forbidden(mark("You leave for yourself. For others it is whoever may change programmes."))
    _leave(session, row, by)
    return row


def may_leave(session: Session, row: Subscriber, *, by: Actor) -> bool:
    """True if this actor may take somebody off. Raises Forbidden."""
    _read(by)
    return by.may(programmes.WRITE) or (by.id is not None and row.address == _own_address(session, by))


def by_link(session: Session, target: Target) -> Subscriber:
    """Who has the link of a mail. Raises NotFound."""
    return rows.one(session, Subscriber, target.message_id, MISSING)


def programme_of(session: Session, row: Subscriber) -> Programme:
    """The programme whose report it is."""
    return session.get_one(Programme, row.programme_id)


def left_by_link(session: Session, row: Subscriber) -> None:
    """Somebody leaves by the link of his mail; asked twice, nothing more happens."""
    session.refresh(row, with_for_update=True)
    _leave(session, row, system(row.organisation_id))


def link(session: Session, row: Subscriber) -> str:
    """The address of the page on which somebody sees what he gets, and leaves it, without a login."""
    return Links(settings_of(session)).url(Target(LINK, row.organisation_id, row.programme_id, row.id))


def of_month(session: Session, run: QualificationRun, hands: Iterable[User]) -> Sequence[Subscriber]:
    """Who gets the report of a month: those who asked, and the hands in it; nobody who left."""
    language = i18n.language(organisation_of(session).locale)
    addresses = {user.email for user in hands if user.is_active}
    query = select(Subscriber).where(Subscriber.programme_id == run.programme_id)
    known = {row.address: row for row in session.execute(query).scalars()}
    for address in sorted(addresses - known.keys()):
        wanted = SubscriberInput(address=address, language=language)
        known[address] = _added(session, run.programme_id, wanted)
    return [
        row
        for address, row in sorted(known.items())
        if not row.left_at and (row.is_asked or address in addresses) and deliver.is_allowed(session, address)
    ]


def _leave(session: Session, row: Subscriber, by: Actor) -> None:
    if row.left_at:
        return
    row.left_at, row.is_asked = clock.now(), False
    said = masked(row.address)
    trail.record(
        session, by, "report.left", (SUBJECT, row.id), after={"programme": row.programme_id, "recipients": said}
    )
    programme = programmes.get(session, row.programme_id, by=system(row.organisation_id))
    for owner in _owners(session, row.programme_id):
        values: dict[str, object] = {"address": row.address, "programme": programme.name}
        title, body = (
            i18n.say(sentence, values, i18n.language(owner.locale or organisation_of(session).locale))
            for sentence in (_LEFT_TITLE, _LEFT)
        )
        post(session, owner.email, title, body, source=(SUBJECT, row.id))


def _owners(session: Session, programme_id: UUID) -> list[User]:
    """Who answers questions about the report: who submitted the newest month, else who asked for the programme as it is."""
    newest = select(QualificationRun.approval_id).where(
        QualificationRun.programme_id == programme_id, QualificationRun.approval_id.is_not(None)
    )
    approval_id = session.execute(newest.order_by(QualificationRun.id.desc()).limit(1)).scalar_one_or_none()
    programme = programmes.one_for_update(session, programme_id)
    author = (
        decisions.get(session, approval_id).made_by
        if approval_id
        else programmes.current(session, programme).created_by
    )
    owner = session.get(User, author) if author else None
    return [owner] if owner and owner.is_active else []


def _added(session: Session, programme_id: UUID, wanted: SubscriberInput, key: UUID | None = None) -> Subscriber:
    row = Subscriber(
        organisation_id=organisation_of(session).id, programme_id=programme_id, address=wanted.address, language=wanted.language,
        formats=list(wanted.formats), is_asked=False, created_at=clock.now(), **({"id": key} if key else {}),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _of_address(session: Session, programme_id: UUID, address: str) -> Subscriber | None:
    own = Subscriber.programme_id == programme_id, Subscriber.address == address
    return session.execute(select(Subscriber).where(*own)).scalar_one_or_none()


def _plain(one: Subscriber | SubscriberInput) -> tuple[str, frozenset[str]]:
    return one.language, frozenset(one.formats)


def _own_address(session: Session, by: Actor) -> str:
    return users.get(session, by.id).email if by.id else ""


def _address(session: Session, given: str) -> str:
    address = normal_email(given)
    if address is None:
        raise Invalid.field("address", mark("“%(address)s” is not an e-mail address."), address=given)
    if not deliver.is_allowed(session, address):
        said = mark("Nothing is mailed to %(address)s from here: it is not on the allow-list of this test system.")
        raise Invalid.field("address", said, address=address)
    return address


def _read(by: Actor) -> None:
    for permission in programmes.READS:
        require(by, permission)
