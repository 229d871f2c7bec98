"""SMS arithmetic: known texts and their parts, and a comparison with a packing written another way."""

import random

import pytest

from app.domain.content.sms import excess, measure, plain

ALEF, SMILE = "א", "🙂"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),
        ("^{}\\[~]|\f", "GSM-7", 18, 1),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ", "GSM-7", 31, 1),
        (ALEF * 70, "UCS-2", 70, 1),
        (ALEF * 71, "UCS-2", 71, 2),
        (ALEF * 134, "UCS-2", 134, 2),
        (ALEF * 135, "UCS-2", 135, 3),
        (ALEF * 201, "UCS-2", 201, 3),
        (ALEF * 66 + SMILE + ALEF * 66, "UCS-2", 134, 3),
        (SMILE * 35, "UCS-2", 70, 1),
        (SMILE * 36, "UCS-2", 72, 2),
        ("a" * 69 + "₪", "UCS-2", 70, 1),
    ],
)
def test_the_table(text: str, encoding: str, units: int, parts: int) -> None:
    measured = measure(text)
    assert (measured.encoding, measured.units, measured.parts) == (encoding, units, parts)


def test_the_first_signs_that_force_unicode_are_named_in_order() -> None:
    assert measure("Save ₪500 — now, “really”").forcing == "₪—“”"
    assert measure("Save 500").forcing == ""
    assert measure("אבגדהוזחטי").forcing == "אבגדהוזח"


@pytest.mark.parametrize("seed", range(20))
def test_parts_are_packed_one_sign_at_a_time(seed: int) -> None:
    chance = random.Random(seed)
    for signs, single, several in (("ab€", 160, 153), ("אa🙂", 70, 67)):
        text = "".join(chance.choice(signs) for _ in range(chance.randrange(0, 500))) + signs[0] * 2
        sizes = [2 if sign in "€🙂" else 1 for sign in text]
        boxes = [0]
        for size in sizes:
            if boxes[-1] + size > several:
                boxes.append(0)
            boxes[-1] += size
        assert measure(text).parts == (1 if sum(sizes) <= single else len(boxes))


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("Anna\xa0Maria", "Anna Maria"),
        ("Anna\u202f\u2009Maria", "Anna  Maria"),
        ("Anna\u2028Maria", "Anna Maria"),
        ("\u200fAnna\u200b\u2066 Maria\u2069\ufeff\xad", "Anna Maria"),
        ("An\u200dna", "Anna"),
        ("\u202bדנה\u202c", "דנה"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (["a\xa0b", 5], ["a b", 5]),
        (None, None),
    ],
)
def test_signs_nobody_sees_are_not_paid_for(value: object, sent: object) -> None:
    assert plain(value) == sent


def test_what_unicode_costs_is_known() -> None:
    assert excess("Hello " + "a" * 60 + "דנה") == 0
    assert excess("Hello " + "a" * 100 + "דנה") == 1
    assert excess("a" * 170) == 0
