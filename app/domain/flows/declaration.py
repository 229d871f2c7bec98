"""What flows brings to the house: journeys."""

from app.core.nouns import Noun, Waiting
from app.domain.flows import models, runs, starts

NOUN = Noun(
    name="flows",
    models=models,
    jobs=(starts.EXECUTE,),
    waits=(Waiting(starts.EXECUTE, runs.are_due),),
)
