"""What the audit trail says, in the reader's words: the act, and what was before and after."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext

from app.core import i18n
from app.core.errors import mark
from app.domain.access.permissions import LABELS
from app.domain.audit.models import AuditEntry
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
    "import.finished": mark("Finished an import"),
    "import.started": mark("Started an import"),
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
    "week": mark("Week"), "days": mark("Days that differ"), "holidays": mark("Holidays"), "growth": mark("Growth"),
    "sunday": mark("Sunday"), "monday": mark("Monday"), "tuesday": mark("Tuesday"), "wednesday": mark("Wednesday"),
    "thursday": mark("Thursday"), "friday": mark("Friday"), "saturday": mark("Saturday"),
    "timezone": mark("Time zone"), "currency": mark("Currency"), "locale": mark("Language"),
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


@dataclass(frozen=True)
class Change:
    """One value that an act changed; None is nothing."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Act:
    """An entry as a page draws it."""

    entry: AuditEntry
    said: str
    kind: str
    changes: list[Change]
    url: str = ""


def said(action: str) -> str:
    """An action in the reader's words; an unknown one as it is kept."""
    known = ACTIONS.get(action) or REQUESTS.get(action.rpartition(".")[2])
    return gettext(known) if known else action


def kind(name: str) -> str:
    """A kind of subject in the reader's words."""
    return gettext(KINDS[name]) if name in KINDS else name.replace("_", " ").capitalize()


def drawn(entries: Iterable[AuditEntry]) -> list[Act]:
    """Entries as a page draws them."""
    return [
        Act(entry, said(entry.action), kind(entry.subject_kind), changes(entry.before, entry.after), _page_of(entry))
        for entry in entries
    ]


def _page_of(entry: AuditEntry) -> str:
    endpoint, name = PAGES.get(entry.subject_kind, ("", ""))
    values: dict[str, Any] = {name: entry.subject_id}
    return url_for(endpoint, **values) if endpoint and exists(endpoint) else ""


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Change]:
    """What differs between two states, name by name; what is only in one of them is shown alone."""
    old, new = _flat(before), _flat(after)
    names = [*old, *(name for name in new if name not in old)]
    return [Change(_name(name), old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _flat(values: dict[str, Any] | None, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in (values or {}).items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            flat[f"{prefix}{name}"] = _word(name, value)
    return flat


def _word(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, int | float):
        return str(i18n.number(value, current_language()))
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
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
