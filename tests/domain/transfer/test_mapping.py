"""Guesses of columns and types, and options that do not fit."""

import pytest

from app.core.errors import Invalid
from app.domain.transfer import mapping
from app.domain.transfer.mapping import ImportOptions


def test_hebrew_and_english_words_are_known() -> None:
    columns = ["מספר לקוח", 'דוא"ל', "טלפון נייד", "שם פרטי", "Last Name", "E-mail", "עיר", "Balance", "ID"]
    assert list(mapping.guess(columns).values()) == [
        "external_id", "email", "phone", "first_name", "last_name", "email", "city", "properties.balance", "properties.id",
    ]  # fmt: skip


def test_the_example_keeps_contact_as_a_property() -> None:
    guessed = mapping.guess(["client_id", "contact", "y"])
    assert guessed == {"client_id": "external_id", "contact": "properties.contact", "y": "properties.y"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "3.5", "1,234"], "number"),
        (["007", "12"], "text"),
        (["true", "FALSE", ""], "boolean"),
        (["yes", "no"], "text"),
        (["2026-01-31", "1/2/2026"], "date"),
        (["", " "], "text"),
        (["1", "unknown"], "text"),
        (["1e5"], "text"),
        (["31/2/2026"], "text"),
    ],
)
def test_types_are_guessed_from_values(values: list[str], kind: str) -> None:
    assert mapping.guess_types(["c"], [[value] for value in values]) == {"c": kind}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"mapping": {"nope": "email"}}, "mapping"),
        ({"mapping": {"a": "shoe_size"}}, "mapping"),
        ({"mapping": {"a": "external_id", "b": "external_id"}}, "mapping"),
        ({"mapping": {"a": "city"}}, "mapping"),
        ({"mapping": {"a": "email"}, "demonstration": True}, "demonstration"),
        ({"mapping": {"a": "email"}, "consent": ("sms",)}, "basis"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as broke:
        mapping.check(["a", "b"], ImportOptions.model_validate(options))
    assert broke.value.details[0].field == field
