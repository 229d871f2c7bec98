"""The allow-list: patterns, and the tricks that would slip a second recipient past them."""

import pytest

from app.gateways.channels.guard import Guard


@pytest.mark.parametrize(
    ("recipient", "permitted"),
    [
        ("+972521234567", True),
        ("someone@mail.example", True),
        ("SOMEONE@MAIL.EXAMPLE", True),
        ("+972531234567", False),
        ("someone@mail.example.com", False),
        ("someone@mailXexample", False),
        ("someone@bank.com,x@mail.example", False),
        ("<someone@bank.com> x@mail.example", False),
        ("someone@bank.com\r\nRCPT TO:<x@mail.example", False),
        ("", False),
    ],
)
def test_only_who_matches_is_permitted(recipient: str, permitted: bool) -> None:
    assert Guard.only(["+97252*", "*@mail.example"]).permits(recipient) is permitted


def test_no_pattern_is_nobody_and_production_is_everybody() -> None:
    assert not Guard.only([]).permits("+972521234567")
    assert Guard.everybody().permits("+14155550100")
    assert not Guard.everybody().permits("a@bank.com b@bank.com")
