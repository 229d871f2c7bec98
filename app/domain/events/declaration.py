"""What events brings to the house: what customers do."""

from app.core.errors import mark
from app.core.nouns import Noun, Permission
from app.domain.access.permissions import EVERYBODY
from app.domain.events import models

NOUN = Noun(
    name="events",
    models=models,
    permissions={
        "events:read": Permission(mark("See what customers do"), EVERYBODY),
        "events:track": Permission(mark("Send events, make keys for pages"), ("marketer", "operator")),
    },
)
