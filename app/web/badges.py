"""The states of every noun as the reader sees them, a word and a tone: a state looks the same everywhere."""

from flask import Flask
from flask_babel import gettext

from app.core.errors import mark

# Tones: neutral (not begun, over), info (on its way), good, warn (a person should look), bad.
STATES = {
    "abandoned": (mark("Abandoned"), "neutral"),
    "accepted": (mark("Accepted"), "info"),
    "active": (mark("Active"), "good"),
    "approved": (mark("Approved"), "good"),
    "archived": (mark("Archived"), "neutral"),
    "bounced": (mark("Bounced"), "bad"),
    "cancelled": (mark("Cancelled"), "neutral"),
    "clicked": (mark("Clicked"), "good"),
    "closed": (mark("Closed"), "neutral"),
    "complained": (mark("Complained"), "bad"),
    "completed": (mark("Completed"), "good"),
    "degraded": (mark("Degraded"), "warn"),
    "delivered": (mark("Delivered"), "good"),
    "disabled": (mark("Disabled"), "neutral"),
    "dormant": (mark("Dormant"), "neutral"),
    "down": (mark("Down"), "bad"),
    "draft": (mark("Draft"), "neutral"),
    "erased": (mark("Erased"), "neutral"),
    "expired": (mark("Expired"), "neutral"),
    "failed": (mark("Failed"), "bad"),
    "healthy": (mark("Healthy"), "good"),
    "in_doubt": (mark("In doubt"), "warn"),
    "in_review": (mark("In review"), "warn"),
    "inactive": (mark("Inactive"), "neutral"),
    "indeterminate": (mark("Indeterminate"), "warn"),
    "locked": (mark("Locked"), "warn"),
    "not_qualified": (mark("Not qualified"), "neutral"),
    "opened": (mark("Opened"), "good"),
    "opted_in": (mark("Opted in"), "good"),
    "opted_out": (mark("Opted out"), "bad"),
    "paused": (mark("Paused"), "warn"),
    "pending": (mark("Pending"), "warn"),
    "published": (mark("Published"), "good"),
    "qualified": (mark("Qualified"), "good"),
    "queued": (mark("Queued"), "info"),
    "ready": (mark("Ready"), "good"),
    "rejected": (mark("Rejected"), "bad"),
    "running": (mark("Running"), "info"),
    "scheduled": (mark("Scheduled"), "info"),
    "sending": (mark("Sending"), "info"),
    "sent": (mark("Sent"), "info"),
    "skipped": (mark("Skipped"), "neutral"),
    "stopped": (mark("Stopped"), "bad"),
    "suppressed": (mark("Suppressed"), "bad"),
    "undeliverable": (mark("Undeliverable"), "bad"),
    "unknown": (mark("Unknown"), "neutral"),
    "void": (mark("Void"), "neutral"),
}


def init_app(app: Flask) -> None:
    """Give templates `state_label(state)` and `state_tone(state)`; macro `badge` draws both."""
    app.jinja_env.globals.update(state_label=label, state_tone=tone)


def label(state: str) -> str:
    """A state in the reader's language; an unknown one as a plain word."""
    known = STATES.get(state)
    return gettext(known[0]) if known else state.replace("_", " ").capitalize()


def tone(state: str) -> str:
    """The tone a state is shown in."""
    return STATES.get(state, ("", "neutral"))[1]
