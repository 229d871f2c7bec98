"""Who of an audience gets a message, and why everybody else does not: one select for the preview and for the sending."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, null, or_, select, true
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.domain.consent import restrictions
from app.domain.consent.models import ADDRESS_KIND, ConsentState, ContactRestriction, RestrictionFeed, Suppression
from app.domain.consent.suppression import OPT_OUT
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.messages import capping
from app.domain.messages.capping import NONE, InForce


def verdicts(audience: Select[Any], channel: str, message_class: str, caps: InForce = NONE) -> Select[Any]:
    """One row per row of the audience: occurrence_id, contact_id, position, blind, entry_id (the consent relied on) and reason.

    `audience` selects contact ids, and may say in a column `occurrence_id` what each is written to for. `reason` is null for
    those who will receive. `position` is of the first address that takes what is sent: an SMS passes by a landline, if there is a
    mobile behind it. The reasons are tried in a fixed order, and "duplicate_address" only among those with no other: of
    the people who share an address the longest known one gets it. `caps` are those of the organisation (capping.py).
    """
    people = audience.cte("audience") if caps.caps else audience.subquery("audience")
    who, occurrence = people.c[0], people.c.get("occurrence_id", null())
    contact, first = live(Contact), live(ContactAddress)
    other = _mobile_behind(first) if channel == "sms" else None
    position, blind = (
        (first.c.position, first.c.blind)
        if other is None
        else (func.coalesce(other.c.position, first.c.position), func.coalesce(other.c.blind, first.c.blind))
    )
    consent, suppression, flagged = live(ConsentState), live(Suppression), _flagged(message_class)
    capped = capping.used_up(caps, select(people.c[0])) if caps.caps else None
    first_reason = case(
        (contact.c.status == "erased", literal("erased")),
        (flagged.c.contact_id.is_not(None), literal(restrictions.RESTRICTED)),
        (_not_allowed(consent, message_class), literal("no_consent")),
        (suppression.c.id.is_not(None), literal("suppressed")),
        (first.c.blind.is_(None), literal("no_address")),
        *(
            []
            if other is None
            else [(and_(first.c.takes_sms.is_(False), other.c.blind.is_(None)), literal("not_mobile"))]
        ),
        *([(_is_stale(), literal(restrictions.STALE))] if message_class == "marketing" else []),
        *([(capped.c.contact_id.is_not(None), literal(capping.CAPPED))] if capped is not None else []),
        else_=null(),
    )
    reached = people.join(contact, contact.c.id == who).outerjoin(
        first, and_(first.c.contact_id == who, first.c.kind == ADDRESS_KIND[channel], first.c.position == 0)
    )
    if other is not None:
        reached = reached.outerjoin(other, true())
    if capped is not None:
        reached = reached.outerjoin(capped, capped.c.contact_id == who)
    judged = (
        select(
            occurrence.label("occurrence_id"),
            contact.c.id.label("contact_id"),
            position.label("position"),
            blind.label("blind"),
            consent.c.entry_id,
            first_reason.label("reason"),
        )
        .select_from(reached)
        .outerjoin(flagged, flagged.c.contact_id == who)
        .outerjoin(
            consent,
            and_(consent.c.contact_id == who, consent.c.channel == channel, consent.c.purpose == "marketing"),
        )
        .outerjoin(
            suppression,
            and_(
                suppression.c.channel == channel,
                suppression.c.blind == blind,
                suppression.c.lifted_at.is_(None),
                _stops(suppression, message_class),
            ),
        )
        .subquery("judged")
    )
    alike = (judged.c.occurrence_id, judged.c.blind, judged.c.reason.is_(None))
    place = func.row_number().over(partition_by=alike, order_by=judged.c.contact_id)
    reason = case((and_(judged.c.reason.is_(None), place > 1), literal("duplicate_address")), else_=judged.c.reason)
    kept = (judged.c.occurrence_id, judged.c.contact_id, judged.c.position, judged.c.blind, judged.c.entry_id)
    return select(*kept, reason.label("reason"))


def _flagged(message_class: str) -> Any:
    """The people of whom the core bank says something that blocks this class."""
    restriction = live(ContactRestriction)
    flags = restriction.c.flag.in_(restrictions.blocking(message_class))
    return select(restriction.c.contact_id).where(flags).distinct().subquery("flagged")


def _is_stale() -> ColumnElement[bool]:
    """True if there is a feed of restrictions, and its last word is too old to write marketing by."""
    feed = live(RestrictionFeed)
    return select(feed.c.fed_at).where(feed.c.fed_at < clock.now() - restrictions.FRESH).exists()


def _mobile_behind(first: Any) -> Any:
    """The first phone that may take an SMS, of those whose first phone does not: for everybody else nothing is looked up."""
    other = live(ContactAddress).alias("other")
    return (
        select(other.c.position, other.c.blind)
        .where(first.c.takes_sms.is_(False), other.c.contact_id == first.c.contact_id, other.c.kind == first.c.kind)
        .where(other.c.takes_sms.is_not(False))
        .order_by(other.c.position)
        .limit(1)
        .lateral("mobile")
    )


def _stops(suppression: Any, message_class: str) -> ColumnElement[bool]:
    """Who opted out gets no marketing; what else stands on the list stops service messages, too."""
    return true() if message_class == "marketing" else suppression.c.reason != OPT_OUT


def _not_allowed(consent: Any, message_class: str) -> ColumnElement[bool]:
    """Marketing needs a grant on file; service messages need none."""
    if message_class == "marketing":
        return or_(consent.c.state.is_(None), consent.c.state != "granted")
    return literal(False)


def waterfall(session: Session, audience: Select[Any], channel: str, message_class: str) -> dict[str, int]:
    """How many matched, how many fall out for each reason, and how many will receive; adds up by construction."""
    caps = capping.in_force(session, channel, message_class)
    judged = verdicts(audience, channel, message_class, caps).subquery()
    counted = session.execute(select(judged.c.reason, func.count()).group_by(judged.c.reason)).all()
    by_reason = {reason or "will_receive": number for reason, number in counted}
    return {"matched": sum(by_reason.values()), **by_reason}
