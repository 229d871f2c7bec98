"""Settings in the reader's words: what each is called and what its values mean, for forms, requests and the audit trail."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from flask_babel import gettext

from app.core import i18n
from app.core.db import db
from app.core.errors import mark
from app.domain.access import permissions
from app.domain.access.keyring import organisation_of
from app.domain.messages.words import CHANNEL, REASON
from app.domain.reports.words import FILE
from app.domain.segments import fields
from app.web import badges, reasons
from app.web.locale import current_language

NAMES = {
    "week": mark("Week"),
    "holidays": mark("Holidays"),
    "growth": mark("Growth"),
    "caps": mark("Most marketing for one person"),
    "days_at_once": mark("Days of balances asked for at once"),
    "together": mark("All channels together"),
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
    "contacts": mark("Contacts"),
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
    "threshold": mark("Threshold"),
    "rule": mark("Rule"),
    "calendar": mark("Days without a value"),
    "carry_days": mark("Days a value is carried"),
    "opening": mark("Customers who came in the month"),
    "template_id": mark("SMS"),
    "most_attempts": mark("Attempts in all"),
    "retry_hours": mark("Hours between attempts"),
    "recipients": mark("Recipients of the report"),
    "most": mark("At most"),
    "days": mark("Days"),
    "percent": mark("Per cent"),
    "people": mark("People"),
    "entered": mark("Entered"),
    "left": mark("Left"),
    "act": mark("What was done"),
    "operation": mark("What was changed"),
    "revision": mark("Number of the draft"),
    "version": mark("Version"),
    "status": mark("Answer"),
    "milliseconds": mark("Milliseconds"),
    "answered": mark("Answered"),
    "url": mark("Address"),
    "fields": mark("What it is told"),
    "day": mark("Day"),
    "rows": mark("Rows"),
    "control_total": mark("Control total"),
    "is_test": mark("Test recipient"),
    "channel": mark("Channel"),
    "accounts": mark("Accounts that count"),
    "budget": mark("Budget of a month"),
    "programme": mark("Programme"),
    "language": mark("Language"),
    "formats": mark("Files"),
}

PLACES = {"days": mark("Days that differ")}  # what stands around others, where it is called otherwise than alone

# --- of a bank's programme

RULES = {
    "every": mark("Every day"),
    "at_least": mark("At least so many days"),
    "average": mark("The average of all days"),
}
CALENDARS = {
    "value": mark("Every day needs a value"),
    "carry": mark("A value holds for some days after it"),
    "exempt": mark("Holidays do not count"),
}
OPENINGS = {
    "missing": mark("The days before have no value: a person decides"),
    "never": mark("The month of the opening does not qualify"),
    "from": mark("The month counts from the day of the opening"),
}

ACCOUNTS = {
    "current": mark("Current accounts"),
    "savings": mark("Savings accounts"),
    "deposit": mark("Deposits"),
    "loan": mark("Loans"),
    "other": mark("Other accounts"),
}

NOTHING = {"accounts": mark("All accounts")}

# --- of a provider

# The settings of all kinds by name; a new kind that brings a new setting adds its label here.
SETTINGS = {
    "answer_seconds": (
        mark("Seconds to wait after a message is handed over"), mark("If no answer comes in this time, the message is in doubt."),
    ),
    "base_url": (mark("Address of the carrier’s API"), ""),
    "batch": (mark("Send 50 messages in one call"), ""),
    "callback_url": (mark("Address receipts are sent to"), mark("Empty: this installation’s own address for the account.")),
    "connections": (mark("Connections at a time"), ""),
    "host": (mark("Host name of the relay"), ""),
    "port": (mark("Port"), ""),
    "read_seconds": (mark("Seconds to wait for an answer"), mark("If no answer comes in this time, the message is in doubt.")),
    "security": (mark("Encryption"), ""),
    "settle_seconds": (
        mark("Seconds before a message in doubt is looked up"), mark("Give the provider time to write down what it took."),
    ),
    "username": (mark("User name"), ""),
}  # fmt: skip
KIND_LABELS = {"carrier": mark("SMS carrier over HTTP"), "smtp": mark("Mail relay (SMTP)")}
CHOICES = {
    "starttls": mark("STARTTLS"),
    "tls": mark("TLS from the first byte"),
    "none": mark("None (only inside this machine)"),
}

# --- values

CLOSED = {"closed": mark("closed"), "none": mark("none")}
LANGUAGES = {"en": mark("English"), "he": mark("Hebrew")}
REPLACED = {"replaced": mark("replaced")}
DONE = {
    "retried": mark("Tried again"), "skipped": mark("Passed on"), "moved": mark("Moved"), "removed": mark("Taken out"),
    "approved": mark("Approved"), "rejected": mark("Refused"),
}  # fmt: skip
OPERATIONS = {  # of an edit of a flow (flows/edits.py), and what drafts do besides
    "insert": mark("A step was added"), "move": mark("A step was moved"), "delete": mark("A step was deleted"),
    "duplicate": mark("A step was copied"), "paste": mark("Steps were pasted"), "configure": mark("A step was set up"),
    "branches": mark("The branches of a step were changed"), "trigger": mark("The beginning was changed"),
    "rules": mark("The rules were changed"), "put": mark("All steps were replaced"),
    "undo": mark("A change was undone"), "redo": mark("An undone change was made again"),
}  # fmt: skip
RETURNED = {"changed_after_approval": mark("A text, a segment or the sender was changed after the approval")}
_CODE = re.compile("[a-z_]+")
_EVENT = "event."


def name(field: str) -> str:
    """What a setting is called; or what a count is of: a state, a reason."""
    if field in NAMES:
        return str(gettext(NAMES[field]))
    if field in SETTINGS:
        return str(gettext(SETTINGS[field][0]))
    return str(badges.label(field)) if field in badges.STATES else reasons.reason(field)


def place(field: str) -> str:
    """What some settings stand in."""
    return str(gettext(PLACES[field])) if field in PLACES else name(field)


def nothing(field: str) -> str:
    """What a setting is that has no value."""
    return str(gettext(NOTHING.get(field, CLOSED["none"])))


def value(field: str, said: str) -> str:
    """A value in words; what is not a word of ours stays as it is."""
    return _VALUES[field](said) if field in _VALUES else said


def _of(*tables: Mapping[str, str]) -> Callable[[str], str]:
    known = {code: words for table in tables for code, words in table.items()}
    return lambda code: str(gettext(known[code])) if code in known else code


def _coded(says: Callable[[str], str]) -> Callable[[str], str]:
    """Of codes only: a person may have written what stands there, too."""
    return lambda said: says(said) if _CODE.fullmatch(said) else said


def _amount(said: str) -> str:
    return str(i18n.number(Decimal(said), current_language())) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", said) else said


def _money(said: str) -> str:
    """Of what is paid in the organisation's currency."""
    is_amount = re.fullmatch(r"[0-9]+(\.[0-9]+)?", said)
    currency = organisation_of(db.session()).currency
    return str(i18n.money(Decimal(said), currency, current_language())) if is_amount else said


def _country(code: str) -> str:
    found = i18n.region(current_language()).territories.get(code)
    return found or _of(CLOSED)(code)


def _permission(code: str) -> str:
    known = permissions.permissions().get(code)
    return str(gettext(known.label)) if known else code


def told(names: Iterable[str]) -> list[str]:
    """What a system is told: fields of a contact, properties of an event (`event.amount`)."""
    known = fields.catalogue(db.session()).fields
    return [_field(known.get(name), name) for name in names]


def _field(found: fields.Field | None, name: str) -> str:
    if name.startswith(_EVENT):
        return str(gettext("“%(property)s” of the event")) % {"property": name.removeprefix(_EVENT)}
    if found is None:
        return str(gettext("Id")) if name == "id" else name
    return found.label if found.is_custom else str(gettext(found.label))


_VALUES: Mapping[str, Callable[[str], str]] = {
    "state": _coded(badges.label),
    "reason": _of(RETURNED, REASON, reasons.AUDIENCE),  # what a person wrote stays as he wrote it
    "role": _of(permissions.LABELS),
    "message_class": _of(reasons.CLASSES),
    "priority": _of(reasons.PRIORITIES),
    "channel": _of(CHANNEL),
    "channels": _of(CHANNEL),
    "source": reasons.source,
    "rule": _of(RULES),
    "calendar": _of(CALENDARS),
    "opening": _of(OPENINGS),
    "accounts": _of(ACCOUNTS),
    "budget": _money,
    "threshold": _amount,
    "control_total": _amount,
    "cost": _amount,
    "locale": _of(LANGUAGES),
    "language": _of(LANGUAGES),
    "formats": _of(FILE),
    "kind": _of(KIND_LABELS),
    "security": _of(CHOICES),
    "secret": _of(REPLACED),
    "scopes": _permission,
    "fields": lambda said: ", ".join(told(said.split(", "))),
    "act": _of(DONE),
    "operation": _of(OPERATIONS),
    "holidays": _country,
    **dict.fromkeys(("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"), _of(CLOSED)),
}
