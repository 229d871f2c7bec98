"""What approvals brings to the house: the one four-eyes mechanism."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject
from app.domain.access.permissions import EVERYBODY
from app.domain.approvals import decisions, models, rights, settings
from app.domain.approvals.models import Approval

NOUN = Noun(
    name="approvals",
    models=models,
    pages=("approvals",),
    calls=("approvals",),
    menu=(MenuEntry("", 20, mark("Approvals"), "clipboard-check", "approvals.index", "approvals:read"),),
    permissions={
        "approvals:read": Permission(mark("See requests for approval"), EVERYBODY),
        "approvals:decide": Permission(mark("Decide on requests"), ("admin",), by_name=True),
    },
    subjects={
        "approval": Subject(mark("Approval"), name=(Approval.id, Approval.subject_name), permission="approvals:read"),
    },
    decides={
        "calendar": settings.carry_out_calendar,
        "key": rights.grant_key,
        "organisation": settings.carry_out_organisation,
        "user": rights.carry_out,
    },
    upkeep=(decisions.expire,),
)
