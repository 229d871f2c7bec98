"""What links brings to the house: who uses what."""

from app.core.nouns import Noun
from app.domain.links import models

NOUN = Noun(
    name="links",
    models=models,
)
