"""What events brings to the house: what customers do."""

from app.core.nouns import Noun
from app.domain.events import models

NOUN = Noun(name="events", models=models)
