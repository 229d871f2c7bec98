"""What the timeline brings to the house: one person's whole history, a tab of the contact's page."""

from app.core.nouns import Noun

NOUN = Noun(name="timeline")
