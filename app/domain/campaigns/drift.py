"""What happened to the data between an approval and its launch: an audience that grew, an author who changed what is sent.

The digest of an approval binds texts and definitions; what they lead to depends on data. Nobody approves five people and
reaches three hundred, or has a text approved and fills it afterwards.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import live
from app.domain.approvals import settings
from app.domain.approvals.models import Approval
from app.domain.approvals.settings import Growth
from app.domain.audit import trail
from app.domain.audit.trail import Changed
from app.domain.campaigns import pinned
from app.domain.campaigns.pinned import Pinned
from app.domain.contacts.models import Contact
from app.domain.content import reading
from app.domain.content.models import TemplateVersion
from app.domain.segments import encryption
from app.domain.segments.definition import conditions

LONGEST_IMPORT = timedelta(days=1)  # one that began before an approval may still be at work after it


def is_passed(policy: Growth, approved: int, now: int) -> bool:
    """True if an audience grew by more than both the share and the number that the organisation allows."""
    return now - approved > policy.people and now > approved * (1 + policy.percent / 100)


def grown(session: Session, approval: Approval, reach: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """The channels that would write to more people than the approval allows: {channel: {"approved": n, "now": n}}."""
    policy = settings.organisation(session).growth
    approved = {one["channel"]: int(one["waterfall"].get("will_receive", 0)) for one in approval.summary["channels"]}
    return {
        channel: {"approved": approved.get(channel, 0), "now": now}
        for channel, now in reach.items()
        if is_passed(policy, approved.get(channel, 0), now)
    }


def changed_by_authors(session: Session, approval: Approval, what: Pinned) -> list[dict[str, object]]:
    """The changes of data by authors since the request: {"who", "act", "fields"} of each that touches what is sent.

    A change counts when it is of a field that a text or a segment reads, in somebody of the audience.
    """
    used = _fields(session, what)
    done = trail.changes_of_data(session, approval.editors, since=approval.made_at, before=LONGEST_IMPORT)
    found = [(change, fields) for change in done if (fields := _touched(change, used))]
    edited = {change.contact_id for change, _ in found if change.contact_id}
    ours = _in_audience(session, what, approval, edited) if edited else set()
    if any(change.contact_id is None for change, _ in found) and _in_audience(session, what, approval):
        ours.add(None)
    return [
        {"who": change.who, "act": change.act, "fields": sorted(fields)}
        for change, fields in found
        if change.contact_id in ours
    ]


def _fields(session: Session, what: Pinned) -> set[str]:
    """Every field that a text or a segment of the campaign reads, as segments name them."""
    definitions = (encryption.readable(session, stored) for stored in what.definitions.values())
    found = {name for one in definitions for part, _ in conditions(one) for name in part.needs.fields}
    if what.audience.groups:
        found.add("groups")
    for text in what.texts:
        for said in session.get_one(TemplateVersion, text.version_id).texts.values():
            for source in said.values():
                found |= {name.removeprefix("contact.") for name in reading.variables(str(source or ""))}
    return found


def _touched(change: Changed, used: set[str]) -> set[str]:
    """The used fields that a change wrote; a contact's own page tells "properties" without saying which."""
    whole = {name for name in used if name.startswith("properties.")} if "properties" in change.fields else set()
    return {*(change.fields & used), *whole}


def _in_audience(
    session: Session, what: Pinned, approval: Approval, edited: Collection[UUID] | None = None
) -> set[UUID | None]:
    """Those of `edited`, or anybody, who are in the audience and were changed since the request."""
    contact, audience = live(Contact), pinned.audience_of(session, what).subquery()
    query = select(contact.c.id).join(audience, audience.c[0] == contact.c.id)
    query = query.where(contact.c.updated_at >= approval.made_at)
    query = query.limit(1) if edited is None else query.where(contact.c.id.in_(edited))
    return set(session.execute(query).scalars())
