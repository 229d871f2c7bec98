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

# The id, the name, and what somebody must be allowed to read; whoever may read a history sees who acted in it.
_NAMED: tuple[tuple[Any, Any, str], ...] = (
    (User.id, User.name, ""),
    (ApiKey.id, ApiKey.name, ""),
    (Organisation.id, Organisation.name, ""),
    (Segment.id, Segment.name, "segments:read"),
    (Template.id, Template.name, "templates:read"),
    (Campaign.id, Campaign.name, "campaigns:read"),
    (ProviderAccount.id, ProviderAccount.name, "providers:read"),
    (Group.id, Group.name, "contacts:read"),
    (live(Contact).c.id, live(Contact).c.external_id, "contacts:read"),
    (Import.id, Import.file_name, "imports:read"),
    (ReportRun.id, func.coalesce(ReportRun.subject_name, ReportRun.name), "reports:read"),
    (Approval.id, Approval.subject_name, "approvals:read"),
)


def names(session: Session, ids: Iterable[UUID], *, by: Actor) -> dict[UUID, str]:
    """The names of those ids that have one and that this actor may read, by one statement; a contact's is its number."""
    wanted = list(set(ids))
    if not wanted:
        return {}
    found = (
        select(key, name).where(key.in_(wanted), name.is_not(None))
        for key, name, permission in _NAMED
        if not permission or by.may(permission)
    )
    return {key: name for key, name in session.execute(union_all(*found)) if name}
