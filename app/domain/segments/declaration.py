"""What segments brings to the house: who belongs together."""

from app.core.errors import mark
from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from app.domain.bank.happenings import (
    BalancesVerified,
    QualificationApproved,
    QualificationCalculated,
    QualificationCompleted,
    QualificationReleased,
)
from app.domain.consent.ledger import ConsentChanged
from app.domain.contacts.profile import ContactsChanged
from app.domain.events import interest
from app.domain.segments import freshness, members, models
from app.domain.segments.models import Segment

interest.answer("segments", freshness.REFRESH)
_OF_THE_BANK = (
    BalancesVerified, QualificationCalculated, QualificationApproved, QualificationReleased, QualificationCompleted,
)  # fmt: skip

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
        "segment.unarchived": mark("Brought an archived segment back"),
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
    jobs=(freshness.REFRESH, freshness.RECOUNT),
    kinds=(members.SegmentMoved,),
    hears=(
        Consumer("segments.recount", ContactsChanged, freshness.on_contacts),
        Consumer("segments.consent", ConsentChanged, freshness.on_consent),
        *(Consumer("segments.bank." + kind.kind, kind, freshness.on_bank, once_for_all=True) for kind in _OF_THE_BANK),
    ),
    waits=(Waiting(freshness.REFRESH, freshness.are_woken), Waiting(freshness.RECOUNT, freshness.are_due)),
    sweeps=(freshness.make_due,),
)
