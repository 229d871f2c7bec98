"""What ids are called, whatever kind of thing they are of: for histories and the audit log, which keep ids."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.db import live
from app.domain.access.models import ApiKey, Organisation, User
from app.domain.approvals.models import Approval
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Contact, Group
from app.domain.content.models import Template
from app.domain.providers.models import ProviderAccount
from app.domain.reports.models import ReportRun
from app.domain.segments.models import Segment
from app.domain.transfer.models import Import

_NAMED: tuple[tuple[Any, Any], ...] = (
    (User.id, User.name),
    (ApiKey.id, ApiKey.name),
    (Segment.id, Segment.name),
    (Template.id, Template.name),
    (Campaign.id, Campaign.name),
    (ProviderAccount.id, ProviderAccount.name),
    (Group.id, Group.name),
    (Import.id, Import.file_name),
    (ReportRun.id, func.coalesce(ReportRun.subject_name, ReportRun.name)),
    (Approval.id, Approval.subject_name),
    (Organisation.id, Organisation.name),
)


def names(session: Session, ids: Iterable[UUID], *, by: Actor) -> dict[UUID, str]:
    """The names of those ids that have one, by one statement; a contact's is its number, for whoever may read contacts."""
    if not (wanted := list(set(ids))):
        return {}
    contact = live(Contact).c
    known = (*_NAMED, (contact.id, contact.external_id)) if by.may("contacts:read") else _NAMED
    rows = session.execute(
        union_all(*(select(key, name).where(key.in_(wanted), name.is_not(None)) for key, name in known))
    )
    return {key: name for key, name in rows if name}
