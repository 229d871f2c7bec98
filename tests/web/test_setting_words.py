"""Whoever decides reads settings in words of his language: no request shows a code, or the name of a column."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from flask_babel import force_locale
from pydantic import BaseModel

from app.core.db import db
from app.core.unit import act_as
from app.domain.access import permissions
from app.domain.approvals.settings import OrganisationInput
from app.domain.bank.programmes import ProgrammeInput
from app.domain.calendar import hours
from app.domain.calendar.hours import CalendarInput
from app.domain.flows.destinations import TOLD, DestinationInput
from app.domain.flows.edits import Edit
from app.domain.providers.accounts import AccountInput
from app.gateways.channels.registry import KINDS
from app.web import audit_labels, setting_words
from app.web.setting_words import NAMES, SETTINGS
from tests.web.pages import House

# What two people decide about, as its request shows it (approvals/changes.py).
MODELS: list[type[BaseModel]] = [
    ProgrammeInput, OrganisationInput, CalendarInput, AccountInput, DestinationInput, *(one.config for one in KINDS.values())
]  # fmt: skip
PLAIN = ("role", "user", "scopes", "is_test", "day", "name", "rows", "control_total", "digest", "channels", "basis", "source",
    "wording", "evidence", "state", "secret", "email", "reason", "act", "operation", "revision", "contacts")  # fmt: skip
CODES = {
    "scopes": sorted(permissions.permissions()),
    "role": sorted(permissions.LABELS),
    "locale": ["en", "he"],
    "language": ["en", "he"],
    "formats": ["xlsx", "pdf"],
    "fields": [*TOLD],
    "kind": [one for one in KINDS if not one.startswith("memory")],
    "channels": ["sms", "email"],
    "secret": ["replaced"],
    "holidays": ["none"],
    **{day: ["closed"] for day in hours.DAYS.values()},
    "operation": [*get_args(Edit.model_fields["op"].annotation), "put", "undo", "redo"],
    "act": ["retried", "skipped", "moved", "removed", "approved", "rejected"],
}


def fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield name, field.annotation
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from fields(field.annotation)


def codes() -> Iterator[tuple[str, str]]:
    for model in MODELS:
        for name, kind in fields(model):
            if get_origin(kind) is Literal:
                yield from ((name, code) for code in get_args(kind) if code)
    yield from ((name, code) for name, some in CODES.items() for code in some)


def test_every_setting_that_is_decided_on_has_a_name() -> None:
    names = {name for model in MODELS for name, _kind in fields(model)} | set(PLAIN)
    assert names - NAMES.keys() - SETTINGS.keys() == set()


@pytest.mark.parametrize("language", ["en", "he"])
def test_no_value_that_is_a_code_of_ours_is_shown_as_it_is(bank: House, language: str) -> None:
    with bank.app.test_request_context():
        act_as(db.session(), bank.staff["viewer"])
        with force_locale(language):
            raw = [(name, code) for name, code in set(codes()) if setting_words.value(name, code) == code]
            assert setting_words.value("fields", "city, event.amount") == ", ".join(
                setting_words.told(["city", "event.amount"])
            )
    allowed = {(day, "closed") for day in hours.DAYS.values()} | {("secret", "replaced"), ("holidays", "none")}
    assert set(raw) - (allowed if language == "en" else set()) == set()


def test_what_a_person_wrote_stays_as_he_wrote_it(bank: House) -> None:
    with bank.app.test_request_context():
        assert setting_words.value("reason", "no") == "no"
        assert setting_words.value("reason", "no_consent") != "no_consent"
        assert setting_words.value("reason", "He asked us to.") == "He asked us to."
        assert setting_words.value("name", "every") == "every"
        assert setting_words.value("threshold", "15000.00") == "15,000"
        act_as(db.session(), bank.staff["viewer"])
        assert setting_words.value("budget", "1500.50") == "₪1,500.50"
        assert setting_words.place("days") != setting_words.name("days")


def test_what_had_no_value_before_is_said_to_have_had_none(bank: House) -> None:
    with bank.app.test_request_context():
        act_as(db.session(), bank.staff["viewer"])
        drawn = audit_labels.changes({"budget": None, "accounts": []}, {"budget": "90.00", "accounts": ["savings"]}, {})
        said = [(one.before and one.before.text, one.after and one.after.text) for one in drawn]
        assert said == [("none", "₪90.00"), ("All accounts", "Savings accounts")]
        [taken_away] = audit_labels.changes({"budget": "90.00"}, {"budget": None}, {})
        assert taken_away.after is not None
        assert taken_away.after.text == "none"
        [made] = audit_labels.changes(None, {"budget": "90.00", "days": None}, {})
        assert made.before is None, "what is new was nothing before"
