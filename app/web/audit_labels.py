"""What the audit trail says, in the reader's words: the act, and what was before and after."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask_babel import gettext
from sqlalchemy.orm import Session

from app.core import i18n
from app.core.db import db
from app.core.errors import mark
from app.domain.access.permissions import LABELS
from app.domain.audit.models import AuditEntry
from app.domain.reports import naming
from app.web import badges, reasons
from app.web.locale import current_language
from app.web.navigation import exists

ACTIONS = {
    "audit.exported": mark("Exported the audit log"),
    "calendar.changed": mark("Changed the allowed hours"),
    "campaign.approved": mark("Approved the campaign"),
    "campaign.asked_again": mark("Asked for another approval: audience or data changed since the first"),
    "campaign.cancel": mark("Cancelled the campaign"),
    "campaign.changed": mark("Changed the campaign"),
    "campaign.completed": mark("The campaign was completed"),
    "campaign.created": mark("Created the campaign"),
    "campaign.failed": mark("The campaign could not be sent"),
    "campaign.launched": mark("The sending began"),
    "campaign.pause": mark("Paused the campaign"),
    "campaign.rejected": mark("Sent the campaign back"),
    "campaign.resume": mark("Resumed the campaign"),
    "campaign.returned": mark("Returned to its author: it was no longer what was approved"),
    "campaign.submitted": mark("Submitted the campaign for approval"),
    "campaign.withdrawn": mark("Took the campaign back from approval"),
    "contact.created": mark("Created a contact"),
    "contact.changed": mark("Changed a contact"),
    "contact.deleted": mark("Deleted a contact"),
    "contact.restored": mark("Restored a contact"),
    "contact.revealed": mark("Looked at personal data"),
    "consent.granted": mark("Noted a consent"),
    "consent.withdrawn": mark("Noted that a consent was withdrawn"),
    "contacts.changed": mark("Changed many contacts"),
    "contacts.revealed": mark("Looked at personal data of a list"),
    "import.cancelled": mark("The import ended early"),
    "import.completed": mark("The import was completed"),
    "import.errors_downloaded": mark("Downloaded the rows that an import left out"),
    "import.failed": mark("The import failed"),
    "import.started": mark("Started an import"),
    "import.stopped": mark("Stopped an import"),
    "import.uploaded": mark("Uploaded a file to import"),
    "key.granted": mark("Let an API key approve"),
    "key.created": mark("Created an API key"),
    "key.revoked": mark("Revoked an API key"),
    "login": mark("Signed in"),
    "login.failed": mark("A sign-in failed"),
    "message.resolved_again": mark("Decided that a message in doubt is sent again"),
    "message.resolved_sent": mark("Decided that a message in doubt was sent"),
    "organisation.changed": mark("Changed the organisation"),
    "organisation.created": mark("Created the organisation"),
    "property.defined": mark("Defined a property"),
    "provider.changed": mark("Changed a provider"),
    "provider.created": mark("Created a provider"),
    "provider.disabled": mark("Disabled a provider"),
    "provider.enabled": mark("Enabled a provider"),
    "provider.tested": mark("Tested a provider"),
    "replies.read": mark("Read replies"),
    "reply.handled": mark("Saw to a reply"),
    "report.asked": mark("Asked for a report"),
    "report.downloaded": mark("Downloaded a report"),
    "report.made": mark("A report was made"),
    "segment.archived": mark("Archived a segment"),
    "segment.changed": mark("Changed a segment"),
    "segment.created": mark("Created a segment"),
    "segment.revealed": mark("Looked at personal data in a segment"),
    "session.revoked": mark("Ended a session"),
    "suppression.added": mark("Suppressed an address"),
    "suppression.exported": mark("Exported the suppression list"),
    "suppression.lifted": mark("Lifted a suppression"),
    "template.archived": mark("Archived a template"),
    "template.created": mark("Created a template"),
    "template.changed": mark("Saved a version of a template"),
    "template.tested": mark("Sent a test of a template"),
    "template.restored": mark("Brought an old version of a template back"),
    "user.activated": mark("Activated a user"),
    "user.created": mark("Created a user"),
    "user.deactivated": mark("Deactivated a user"),
    "user.password_changed": mark("Changed the password"),
    "user.reset": mark("Reset a user’s sign-in"),
    "user.role_changed": mark("Changed a user’s role"),
}

# What is done to a request for a change, whatever it is about.
REQUESTS = {
    "submitted": mark("Asked a second person for a change"),
    "approved": mark("Decided for a change that somebody asked for"),
    "rejected": mark("Refused a change that somebody asked for"),
    "withdrawn": mark("Took a request for a change back"),
}

KINDS = {
    "approval": mark("Approval"),
    "audit": mark("Audit log"),
    "calendar": mark("Calendar"),
    "campaign": mark("Campaign"),
    "consent": mark("Consent"),
    "contact": mark("Contact"),
    "export": mark("Export"),
    "import": mark("Import"),
    "key": mark("API key"),
    "message": mark("Message"),
    "organisation": mark("Organisation"),
    "provider": mark("Provider"),
    "report": mark("Report"),
    "resume": mark("Campaign"),
    "segment": mark("Segment"),
    "suppression": mark("Suppression"),
    "template": mark("Template"),
    "user": mark("User"),
}

NAMES = {
    "week": mark("Week"),
    "days": mark("Days that differ"),
    "holidays": mark("Holidays"),
    "growth": mark("Growth"),
    "sunday": mark("Sunday"),
    "monday": mark("Monday"),
    "tuesday": mark("Tuesday"),
    "wednesday": mark("Wednesday"),
    "thursday": mark("Thursday"),
    "friday": mark("Friday"),
    "saturday": mark("Saturday"),
    "timezone": mark("Time zone"),
    "currency": mark("Currency"),
    "locale": mark("Language"),
    "approval": mark("Request"),
    "audience": mark("Audience"),
    "config": mark("Settings"),
    "cost": mark("Cost"),
    "description": mark("Description"),
    "destination": mark("Server"),
    "digest": mark("Digest of what was submitted"),
    "email": mark("E-mail"),
    "email_template_id": mark("E-mail template"),
    "basis": mark("How we know"),
    "channels": mark("Channels"),
    "evidence": mark("Evidence"),
    "source": mark("Source"),
    "wording": mark("Wording the person agreed to"),
    "failures": mark("Failed attempts"),
    "in_doubt": mark("In doubt"),
    "kind": mark("Kind"),
    "name": mark("Name"),
    "note": mark("With a note"),
    "priority": mark("Priority"),
    "answered": mark("Answered"),
    "reason": mark("Reason"),
    "role": mark("Role"),
    "scheduled_at": mark("Moment"),
    "scopes": mark("Scopes"),
    "secret": mark("Secret"),
    "sender": mark("Sender"),
    "message_class": mark("Class"),
    "parts": mark("SMS parts"),
    "provider": mark("Provider"),
    "sms": mark("SMS"),
    "sms_template_id": mark("SMS template"),
    "state": mark("State"),
    "template": mark("Text"),
    "template_version": mark("Version of the text"),
    "user": mark("User"),
}


# Where a subject is shown: its page and the name of its id there.
PAGES = {
    "campaign": ("campaigns.show", "campaign_id"),
    "contact": ("contacts.show", "contact_id"),
    "message": ("messages.show", "message_id"),
    "segment": ("segments.show", "segment_id"),
    "template": ("templates.show", "template_id"),
}
RETURNED = mark("A text, a segment or the sender was changed after the approval")
# Values that are words of ours.
VALUES: dict[str, Callable[[str], str]] = {
    "state": lambda key: str(badges.label(key)),
    "reason": lambda key: gettext(RETURNED) if key == "changed_after_approval" else reasons.reason(key),
    "role": lambda key: gettext(LABELS[key]) if key in LABELS else key,
    "message_class": reasons.LABELS["class_label"],
    "priority": reasons.LABELS["priority_label"],
}
_DIGEST = re.compile("[0-9a-f]{64}")
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Names = Mapping[str, str]  # what ids are called


@dataclass(frozen=True)
class Value:
    """A value in words; `ids` is what stands behind the names in it."""

    text: str
    ids: str = ""


@dataclass(frozen=True)
class Change:
    """One value that an act changed; None is nothing."""

    name: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class Act:
    """An entry as a page draws it."""

    entry: AuditEntry
    said: str
    kind: str
    changes: list[Change]
    url: str = ""
    name: str = ""  # of what it was done to


def said(action: str) -> str:
    """An action in the reader's words; an unknown one as it is kept."""
    known = ACTIONS.get(action) or REQUESTS.get(action.rpartition(".")[2])
    return gettext(known) if known else action


def kind(name: str) -> str:
    """A kind of subject in the reader's words."""
    return gettext(KINDS[name]) if name in KINDS else name.replace("_", " ").capitalize()


def names_in(session: Session, *values: object) -> Names:
    """What the ids anywhere in some values are called; ask once for all that is drawn together."""
    found = {UUID(one) for value in values for one in _ID.findall(repr(value))}
    return {str(key): name for key, name in naming.names(session, found, by=g.actor).items()}


def names_of(session: Session, entries: Iterable[AuditEntry]) -> Names:
    """What the ids in some entries are called."""
    return names_in(session, [(entry.subject_id, entry.before, entry.after) for entry in entries])


def drawn(entries: Sequence[AuditEntry], names: Names | None = None) -> list[Act]:
    """Entries as a page draws them."""
    names = names_of(db.session(), entries) if names is None else names
    return [
        Act(
            entry,
            said(entry.action),
            kind(entry.subject_kind),
            changes(entry.before, entry.after, names),
            _page_of(entry),
            names.get(entry.subject_id, ""),
        )
        for entry in entries
    ]


def _page_of(entry: AuditEntry) -> str:
    endpoint, name = PAGES.get(entry.subject_kind, ("", ""))
    values: dict[str, Any] = {name: entry.subject_id}
    return url_for(endpoint, **values) if endpoint and exists(endpoint) else ""


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None, names: Names | None = None) -> list[Change]:
    """What differs between two states, field by field; what is only in one of them is shown alone."""
    names = names_in(db.session(), before, after) if names is None else names
    old, new = _flat(before, names), _flat(after, names)
    fields = [*old, *(field for field in new if field not in old)]
    return [
        Change(_name(field), old.get(field), new.get(field)) for field in fields if old.get(field) != new.get(field)
    ]


def _flat(values: dict[str, Any] | None, names: Names, prefix: str = "") -> dict[str, Value]:
    flat: dict[str, Value] = {}
    for name, value in (values or {}).items():
        if isinstance(value, dict):
            flat |= _flat(value, names, f"{prefix}{name}.")
        elif value not in (None, "", []):
            flat[f"{prefix}{name}"] = _value(name, value if isinstance(value, list) else [value], names)
    return flat


def _value(name: str, parts: list[Any], names: Names) -> Value:
    ids = ", ".join(part for part in parts if isinstance(part, str) and part in names)
    return Value(", ".join(names.get(str(part)) or _word(name, part) for part in parts), ids)


def _word(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, int | float):
        return str(i18n.number(value, current_language()))
    said = str(value)
    if name in VALUES and re.fullmatch("[a-z_]+", said):
        return VALUES[name](said)
    return f"{said[:12]}…" if _DIGEST.fullmatch(said) else said


def _name(path: str) -> str:
    return " › ".join(_part(part) for part in path.split("."))


def _part(part: str) -> str:
    """A field, or what a count is of: a state, a reason."""
    if part in NAMES:
        return str(gettext(NAMES[part]))
    return str(badges.label(part)) if part in badges.STATES else reasons.reason(part)
