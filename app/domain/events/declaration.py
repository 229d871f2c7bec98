"""What events brings to the house: what customers do."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission
from app.domain.access.permissions import EVERYBODY
from app.domain.events import listing, models, retention

NOUN = Noun(
    name="events",
    models=models,
    pages=("events",),
    calls=("events",),
    menu=(MenuEntry(mark("Audience"), 25, mark("Events"), "activity", "events.index", "events:read"),),
    permissions={
        "events:read": Permission(mark("See what customers do"), EVERYBODY),
        "events:track": Permission(mark("Send events, make keys for pages"), ("marketer", "operator")),
    },
    upkeep=(retention.forget_keys, retention.forget_visitors, listing.count_hours),
)
