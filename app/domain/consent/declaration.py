"""What consent brings to the house: who may be written to."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject
from app.domain.access.permissions import EVERYBODY
from app.domain.consent import ledger, models, reopening

NOUN = Noun(
    name="consent",
    models=models,
    pages=("suppressions",),
    calls=("consents", "suppressions"),
    menu=(MenuEntry(mark("Audience"), 40, mark("Suppressions"), "ban", "suppressions.index", "suppressions:read"),),
    permissions={
        "suppressions:read": Permission(mark("See suppressions"), EVERYBODY),
        "suppressions:write": Permission(mark("Add and lift suppressions"), ("marketer",)),
    },
    acts={
        "consent.granted": mark("Noted a consent"),
        "consent.withdrawn": mark("Noted that a consent was withdrawn"),
        "suppression.added": mark("Suppressed an address"),
        "suppression.exported": mark("Exported the suppression list"),
        "suppression.lifted": mark("Lifted a suppression"),
    },
    subjects={
        "consent": Subject(mark("Consent")),
        "suppression": Subject(mark("Suppression")),
    },
    kinds=(ledger.ConsentChanged,),
    decides={
        "consent": reopening.carry_out_grant,
        "suppression": reopening.carry_out_lift,
    },
)
