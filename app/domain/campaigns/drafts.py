"""Campaign drafts: create, change, clone, list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Forbidden, Invalid, Stale, mark
from app.core.page import Ask, Page, fetch
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.campaigns import states
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Group
from app.domain.content.models import Template
from app.domain.links import used_by
from app.domain.segments.models import Segment

SUBJECT = "campaign"
FURTHEST = timedelta(days=3653)  # ahead; also keeps moments where every calendar and zone can show them


class Audience(BaseModel):
    """Who is written to: all of any of `segments` or `groups` (everybody if both are empty), but for the segments of `exclude`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[UUID, ...] = ()
    groups: tuple[UUID, ...] = ()
    exclude: tuple[UUID, ...] = ()


class CampaignInput(BaseModel):
    """A campaign as a person writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    audience: Audience = Audience()
    sms_template_id: UUID | None = None
    email_template_id: UUID | None = None
    scheduled_at: AwareDatetime | None = None


def create(session: Session, new: CampaignInput, *, by: Actor) -> Campaign:
    """Make a draft. Raises Invalid (a template or segment that is not there, or of the other channel), Forbidden."""
    require(by, "campaigns:write")
    if by.id is None:
        raise Forbidden(mark("Only a person can make a campaign."))
    campaign = Campaign(
        organisation_id=by.organisation_id,
        state="draft",
        created_by=by.id,
        editors=[by.id],
        created_at=clock.now(),
        updated_at=clock.now(),
        **_checked(session, new),
    )
    session.add(campaign)
    session.flush()
    _note_uses(session, campaign)
    trail.record(session, by, "campaign.created", (SUBJECT, campaign.id), after={"name": campaign.name})
    return campaign


def update(
    session: Session, campaign_id: UUID, new: CampaignInput, *, version: int | None = None, by: Actor
) -> Campaign:
    """Change a campaign. Any change withdraws it from approval: it is a draft again.

    Raises:
        NotFound, Invalid, Conflict (sent already), Stale (somebody else changed it since `version`).
    """
    require(by, "campaigns:write")
    campaign = one_for_update(session, campaign_id)
    if version is not None and version != campaign.version:
        raise Stale(mark("Somebody else changed this campaign while you were editing. Reload it to see the changes."))
    after = states.after(campaign.state, "edit")
    changed = {name: value for name, value in _checked(session, new).items() if getattr(campaign, name) != value}
    if not changed:
        return campaign
    campaign.state = after
    before = {name: getattr(campaign, name) for name in changed}
    for name, value in changed.items():
        setattr(campaign, name, value)
    _touch(campaign, by)
    decisions.void(session, (SUBJECT, campaign.id))
    campaign.approval_id, campaign.plan, campaign.failure = None, None, None
    session.flush()
    _note_uses(session, campaign)
    trail.record(session, by, "campaign.changed", (SUBJECT, campaign.id), before=before, after=changed)
    return campaign


def clone(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """A new draft with the same audience and texts."""
    old = get(session, campaign_id, by=by)
    new = CampaignInput(
        name=f"{old.name} (2)"[:120],
        description=old.description,
        priority=old.priority,
        audience=Audience.model_validate(old.audience),
        sms_template_id=old.sms_template_id,
        email_template_id=old.email_template_id,
    )
    return create(session, new, by=by)


def get(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """One campaign. Raises NotFound."""
    require(by, "campaigns:read")
    return rows.one(session, Campaign, campaign_id, mark("There is no such campaign."))


def one_for_update(session: Session, campaign_id: UUID) -> Campaign:
    """One campaign, locked: two people at once cannot both move it. Raises NotFound."""
    return rows.one_for_update(session, Campaign, campaign_id, mark("There is no such campaign."))


def listed(session: Session, ask: Ask, *, by: Actor, state: str = "", text: str = "") -> Page[Campaign]:
    """A page of campaigns, newest first."""
    require(by, "campaigns:read")
    query = select(Campaign)
    if state:
        query = query.where(Campaign.state == state)
    if text:
        query = query.where(Campaign.name.icontains(text, autoescape=True))
    return fetch(session, query, [Campaign.__table__.c.id], ask, descending=True)


@dataclass(frozen=True)
class Choices:
    """What a campaign can be made of: the segments and templates that are not archived and the groups, by name."""

    segments: Sequence[Segment]
    groups: Sequence[Group]
    templates: Sequence[Template]


def choices(session: Session, *, by: Actor) -> Choices:
    """What the form offers."""
    require(by, "campaigns:read")
    segments = select(Segment).where(Segment.archived_at.is_(None)).order_by(func.lower(Segment.name))
    templates = (
        select(Template)
        .where(Template.archived_at.is_(None), Template.current_id.is_not(None))
        .order_by(func.lower(Template.name))
    )
    groups = select(Group).order_by(func.lower(Group.name))
    found = (session.execute(query).scalars().all() for query in (segments, groups, templates))
    return Choices(*found)


@dataclass(frozen=True)
class Used:
    """The things a campaign names, also those archived since."""

    include: Sequence[Segment]
    groups: Sequence[Group]
    exclude: Sequence[Segment]
    templates: Sequence[Template]


def used(session: Session, campaign: Campaign) -> Used:
    """The segments, groups and templates of a campaign."""
    audience = Audience.model_validate(campaign.audience)
    named = [*audience.segments, *audience.exclude]
    known = session.execute(select(Segment).where(Segment.id.in_(named))).scalars() if named else ()
    segments = {segment.id: segment for segment in known}
    found = [session.get(Template, i) for i in (campaign.sms_template_id, campaign.email_template_id) if i]
    groups = select(Group).where(Group.id.in_(audience.groups)).order_by(Group.name)
    return Used(
        [segments[i] for i in audience.segments if i in segments],
        session.execute(groups).scalars().all() if audience.groups else (),
        [segments[i] for i in audience.exclude if i in segments],
        [template for template in found if template],
    )


def _touch(campaign: Campaign, by: Actor) -> None:
    campaign.version += 1
    campaign.updated_at = clock.now()
    if by.id and by.id not in campaign.editors:
        campaign.editors = [*campaign.editors, by.id]


def _checked(session: Session, new: CampaignInput) -> dict[str, object]:
    """The columns, after the things they name were looked up."""
    for channel, template_id in (("sms", new.sms_template_id), ("email", new.email_template_id)):
        template = session.get(Template, template_id) if template_id else None
        if template_id and (template is None or template.channel != channel or template.archived_at):
            raise Invalid.field(f"{channel}_template_id", mark("There is no such template for this channel."))
    wanted = {*new.audience.segments, *new.audience.exclude}
    segments = select(Segment.id).where(Segment.id.in_(wanted), Segment.archived_at.is_(None))
    known = set(session.execute(segments.with_for_update(read=True)).scalars())  # nobody archives them meanwhile
    if wanted - known:
        raise Invalid.field("audience", mark("There is no such segment."))
    groups = select(Group.id).where(Group.id.in_(new.audience.groups))
    if set(new.audience.groups) - set(session.execute(groups).scalars()):
        raise Invalid.field("audience.groups", mark("There is no such group."))
    moment: datetime | None = new.scheduled_at
    if moment and moment <= clock.now():
        raise Invalid.field(
            "scheduled_at",
            mark("This moment has passed. Choose a later one, or send right after the approval."),
        )
    if moment and moment > clock.now() + FURTHEST:
        raise Invalid.field("scheduled_at", mark("This is more than ten years ahead."))
    return {
        "name": new.name,
        "description": new.description,
        "priority": new.priority,
        "audience": _kept(new.audience),
        "sms_template_id": new.sms_template_id,
        "email_template_id": new.email_template_id,
        "scheduled_at": moment,
    }


def _kept(audience: Audience) -> dict[str, list[str]]:
    """An audience as it is stored; without groups it is what it was before there were any, so that nothing seems changed."""
    kept: dict[str, list[str]] = audience.model_dump(mode="json")
    return kept if kept["groups"] else {name: ids for name, ids in kept.items() if name != "groups"}


def _note_uses(session: Session, campaign: Campaign) -> None:
    audience = Audience.model_validate(campaign.audience)
    used = [("segment", i) for i in (*audience.segments, *audience.exclude)]
    used += [("template", i) for i in (campaign.sms_template_id, campaign.email_template_id) if i]
    used_by.uses(session, SUBJECT, campaign.id, campaign.name, used)
