"""What content brings to the house: the texts."""

from app.core.errors import mark
from app.core.nouns import MenuEntry, Noun, Permission, Subject
from app.domain.access.permissions import EVERYBODY
from app.domain.content import models
from app.domain.content.models import Template

NOUN = Noun(
    name="content",
    models=models,
    pages=("templates",),
    calls=("templates",),
    menu=(MenuEntry(mark("Messaging"), 10, mark("Templates"), "template", "templates.index", "templates:read"),),
    permissions={
        "templates:read": Permission(mark("See templates"), EVERYBODY),
        "templates:write": Permission(mark("Write templates"), ("marketer",)),
    },
    acts={
        "template.archived": mark("Archived a template"),
        "template.created": mark("Created a template"),
        "template.changed": mark("Saved a version of a template"),
        "template.tested": mark("Sent a test of a template"),
        "template.restored": mark("Brought an old version of a template back"),
    },
    subjects={
        "template": Subject(
            mark("Template"),
            page=("templates.show", "template_id"),
            name=(Template.id, Template.name),
            permission="templates:read",
        ),
    },
)
