"""What filters brings to the house: filters of lists that are kept by a name."""

from app.core.errors import mark
from app.core.nouns import Noun, Permission, Subject
from app.domain.access.permissions import EVERYBODY
from app.domain.filters import models, saved
from app.domain.filters.models import SavedFilter

NOUN = Noun(
    name="filters",
    models=models,
    pages=("filters",),
    calls=("filters",),
    permissions={saved.USE: Permission(mark("Save filters of the lists one sees"), EVERYBODY)},
    acts={
        "saved_filter.saved": mark("Saved a filter"),
        "saved_filter.changed": mark("Changed a saved filter"),
        "saved_filter.deleted": mark("Deleted a saved filter"),
    },
    subjects={saved.SUBJECT: Subject(mark("Saved filter"), name=(SavedFilter.id, SavedFilter.name))},
)
