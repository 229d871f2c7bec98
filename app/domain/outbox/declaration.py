"""What outbox brings to the house: what happened, told upward."""

from app.core.nouns import Noun, Waiting
from app.domain.outbox import models, publish, relay

NOUN = Noun(
    name="outbox",
    models=models,
    jobs=(publish.RELAY_OUTBOX,),
    waits=(Waiting(publish.RELAY_OUTBOX, relay.is_due),),
    upkeep=(relay.forget_old,),
)
