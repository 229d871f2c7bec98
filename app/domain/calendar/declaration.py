"""What calendar brings to the house: allowed hours and holidays."""

from app.core.errors import mark
from app.core.nouns import Noun, Subject
from app.domain.calendar import hours, models

NOUN = Noun(
    name="calendar",
    models=models,
    pages=("settings",),
    calls=("settings",),
    acts={
        "calendar.changed": mark("Changed the allowed hours"),
    },
    subjects={
        "calendar": Subject(mark("Calendar")),
    },
    kinds=(hours.HoursChanged,),
)
