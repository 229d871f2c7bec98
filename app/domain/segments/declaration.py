"""What segments brings to the house: who belongs together."""

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject
from app.domain.access.permissions import EVERYBODY
from app.domain.contacts.profile import ContactsChanged
from app.domain.segments import membership, models
from app.domain.segments.models import Segment

NOUN = Noun(
    name="segments",
    models=models,
    pages=("segments",),
    calls=("segments",),
    menu=(MenuEntry(mark("Audience"), 20, mark("Segments"), "filter", "segments.index", "segments:read"),),
    permissions={
        "segments:read": Permission(mark("See segments"), EVERYBODY),
        "segments:write": Permission(mark("Write segments"), ("marketer",)),
    },
    acts={
        "segment.archived": mark("Archived a segment"),
        "segment.changed": mark("Changed a segment"),
        "segment.created": mark("Created a segment"),
        "segment.revealed": mark("Looked at personal data in a segment"),
    },
    subjects={
        "segment": Subject(
            mark("Segment"),
            page=("segments.show", "segment_id"),
            name=(Segment.id, Segment.name),
            permission="segments:read",
        ),
    },
    hears=(
        Consumer(
            "segments.recount", ContactsChanged, membership.on_changed, once_for_all=True, seconds=membership.BUDGET
        ),
    ),
)
