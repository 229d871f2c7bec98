"""What audit brings to the house: the trail of acts."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject
from app.domain.audit import anchors, models

NOUN = Noun(
    name="audit",
    models=models,
    pages=("audit",),
    calls=("audit",),
    menu=(MenuEntry(mark("Administration"), 20, mark("Audit log"), "history", "audit.index", "audit:read"),),
    permissions={
        "audit:read": Permission(mark("Read the audit log"), ("owner", "admin", "auditor")),
        "audit:export": Permission(mark("Export the audit log"), ("auditor",)),
    },
    acts={
        "audit.exported": mark("Exported the audit log"),
    },
    subjects={
        "audit": Subject(mark("Audit log")),
    },
    sweeps=(anchors.keep,),
)
