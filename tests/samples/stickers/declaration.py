"""What stickers bring to the house."""

from app.core.nouns import Consumer, MenuEntry, Noun, Permission, Subject, Waiting
from app.domain.access.permissions import EVERYBODY
from tests.samples.stickers import models, stick
from tests.samples.stickers.models import Sticker

NOUN = Noun(
    name="stickers",
    models=models,
    pages=("tests.samples.stickers.doors",),
    menu=(MenuEntry("", 90, "Stickers", "history", "stickers.index", "stickers:read"),),
    permissions={
        "stickers:read": Permission("See stickers", EVERYBODY),
        "stickers:write": Permission("Stick stickers", ("marketer",)),
    },
    acts={"sticker.stuck": "Stuck a sticker"},
    subjects={"sticker": Subject("Sticker", name=(Sticker.id, Sticker.word))},
    jobs=(stick.TAKE_OFF,),
    kinds=(stick.StickerStuck,),
    hears=(Consumer("stickers.stuck", stick.StickerStuck, stick.on_stuck),),
    waits=(Waiting(stick.TAKE_OFF, stick.is_due),),
)
