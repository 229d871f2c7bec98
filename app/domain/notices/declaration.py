"""What notices brings to the house: mail to staff and managers."""

from app.core.nouns import Noun, Waiting
from app.domain.notices import deliver, models, post

NOUN = Noun(
    name="notices",
    models=models,
    jobs=(post.DELIVER_NOTICES,),
    waits=(Waiting(post.DELIVER_NOTICES, deliver.is_due),),
)
