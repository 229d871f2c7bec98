"""What flows brings to the house: journeys."""

from app.core.nouns import Noun
from app.domain.flows import models

NOUN = Noun(name="flows", models=models)
