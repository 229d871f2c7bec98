"""What privacy brings to the house: whoever was deleted is erased when nobody can bring him back any more."""

from app.core.errors import mark
from app.core.nouns import Noun
from app.domain.privacy import erasure

NOUN = Noun(
    name="privacy",
    acts={"contacts.erased": mark("Erased people who were deleted long ago")},
    upkeep=(erasure.forget_deleted,),
)
