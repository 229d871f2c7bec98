"""The states of every noun as the reader sees them, a word and a tone: a state looks the same everywhere.

Badges, tags and icons are functions and not macros: a list shows hundreds, and a macro takes ten times as long.
"""

from functools import lru_cache

from flask import Flask
from markupsafe import Markup

from app.core.errors import mark
from app.web import assets
from app.web.locale import said

# Tones: neutral (not begun, over), info (on its way), good, warn (a person should look), bad.
STATES = {
    "accepted": (mark("Accepted"), "info"),
    "active": (mark("Active"), "good"),
    "approved": (mark("Approved"), "good"),
    "archived": (mark("Archived"), "neutral"),
    "bounced": (mark("Bounced"), "bad"),
    "calculated": (mark("Calculated"), "good"),
    "cancelled": (mark("Cancelled"), "neutral"),
    "clicked": (mark("Clicked"), "good"),
    "closed": (mark("Closed"), "neutral"),
    "complained": (mark("Complained"), "bad"),
    "completed": (mark("Completed"), "good"),
    "degraded": (mark("Degraded"), "warn"),
    "delivered": (mark("Delivered"), "good"),
    "disabled": (mark("Disabled"), "neutral"),
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
    "not_qualified": (mark("Not qualified"), "neutral"),
    "opened": (mark("Opened"), "good"),
    "opted_out": (mark("Opted out"), "bad"),
    "paused": (mark("Paused"), "warn"),
    "pending": (mark("Pending"), "warn"),
    "qualified": (mark("Qualified"), "good"),
    "queued": (mark("Queued"), "info"),
    "ready": (mark("Ready"), "good"),
    "refused": (mark("Refused"), "bad"),
    "rejected": (mark("Rejected"), "bad"),
    "released": (mark("Released"), "info"),
    "replied": (mark("Replied"), "good"),
    "running": (mark("Running"), "info"),
    "scheduled": (mark("Scheduled"), "info"),
    "sending": (mark("Sending"), "info"),
    "sent": (mark("Sent"), "info"),
    "skipped": (mark("Skipped"), "neutral"),
    "stopped": (mark("Stopped"), "bad"),
    "superseded": (mark("Superseded"), "neutral"),
    "suppressed": (mark("Suppressed"), "bad"),
    "taken": (mark("Taken"), "good"),
    "undeliverable": (mark("Undeliverable"), "bad"),
    "unsubscribed": (mark("Unsubscribed"), "bad"),
    "unknown": (mark("Unknown"), "neutral"),
    "waiting": (mark("Waiting"), "warn"),
    "void": (mark("Void"), "neutral"),
}


def init_app(app: Flask) -> None:
    """Give templates `state_label(state)`, `badge(state)` which draws it in its tone, `tag(label)` and `icon(name)`."""
    app.jinja_env.globals.update(state_label=label, badge=badge, tag=tag, icon=icon)


def label(state: str) -> str:
    """A state in the reader's language; an unknown one as a plain word."""
    known = STATES.get(state)
    return said(known[0]) if known else state.replace("_", " ").capitalize()


def tone(state: str) -> str:
    """The tone a state is shown in."""
    return STATES.get(state, ("", "neutral"))[1]


def badge(state: str, words: str = "", tone_as: str = "") -> Markup:
    """The state of something, in its own words and tone or in the caller's."""
    return _badge(tone_as or tone(state), words or label(state))


@lru_cache(maxsize=4096, typed=True)  # typed: markup and the same characters as text are not the same
def _badge(tone: str, words: str) -> Markup:
    return Markup('<span class="state state-%s">%s</span>') % (tone, words)


@lru_cache(maxsize=4096, typed=True)
def tag(name: str) -> Markup:
    """A tag of a contact."""
    return Markup('<span class="tag"><bdi>%s</bdi></span>') % name


_POINTING = frozenset({
    "arrow-back-up", "arrow-forward-up", "arrow-left", "arrow-right", "chevron-left", "chevron-right",
    "indent-decrease", "indent-increase", "login", "logout",
})  # fmt: skip


@lru_cache(maxsize=1024)
def icon(name: str, turn: bool = False, cls: str = "") -> Markup:
    """An icon of the sprite; names are in ops/vendor/icons.txt. In right-to-left pages those that point somewhere are mirrored.

    `turn` mirrors another one, too.
    """
    classes = " ".join(filter(None, ("icon", "icon-dir" if turn or name in _POINTING else "", cls)))
    return _ICON % (classes, f"{assets.url_path()}/vendor/icons.svg", name)


_ICON = Markup(
    '<svg class="%s" width="20" height="20" aria-hidden="true" focusable="false"><use href="%s#%s"></use></svg>'
)
