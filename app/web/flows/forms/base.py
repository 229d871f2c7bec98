"""What the forms of steps are made of: a set-up as fields, and fields as a set-up; a time; something that may happen."""

import json
from dataclasses import dataclass
from datetime import time
from typing import Any, ClassVar, Self

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.domain.access.permissions import LABELS
from app.domain.flows.naming import Choosable
from app.domain.flows.steps import Config
from app.web.flows import words

Choices = list[tuple[str, str]]
NOTHING = ("", "–")


@dataclass(frozen=True)
class Offers:
    """What can be chosen: what the organisation has, and the steps of this flow in words."""

    of_bank: Choosable
    steps: Choices
    senders: Choices
    campaigns: Choices


class Checks(SelectMultipleField):  # type: ignore[misc]
    """Several of a few, as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class StepForm(FlaskForm):  # type: ignore[misc]
    """Base. `rows` are fields that stand side by side, `order` those that come first, `asks` the one that decides on others.

    `about` is said below the fields.
    """

    rows: ClassVar[tuple[tuple[str, ...], ...]] = ()
    order: ClassVar[tuple[str, ...]] = ()
    asks: ClassVar[str] = ""
    about: ClassVar[str] = ""

    @classmethod
    def of(cls, config: Config, offers: Offers, kind: str, *, posted: bool) -> Self:
        """The form of a set-up, or what was posted of it."""
        form = cls() if posted else cls(formdata=None, data=cls.data_of(config))
        form.offer(offers, kind)
        return form

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """The fields of a set-up."""
        return config.dump()

    def offer(self, offers: Offers, kind: str) -> None:
        """Fill the choices."""

    def config(self, present: Config) -> dict[str, Any]:
        """The set-up as it was filled in; what the form has no field for stays as it is in `present`."""
        kept = {name: value for name, value in present.dump().items() if name not in self}
        said = {one.name: one.data for one in self if one.name != "csrf_token" and one.data not in (None, "", [])}
        return kept | said

    def layout(self) -> list[list[Field]]:
        """The fields as they are drawn, row by row."""
        names = [*self.order, *(one.name for one in self if one.name not in (*self.order, "csrf_token"))]
        behind = {name for row in self.rows for name in row[1:]}
        beside = {row[0]: row for row in self.rows}
        return [[self[part] for part in beside.get(name, (name,))] for name in names if name not in behind]


class HappeningForm(StepForm):
    """An event with its properties, or what happened to a message; the fields are of the one that is chosen."""

    asks = "did"
    rows: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("property_0", "op_0", "value_0"),
        ("property_1", "op_1", "value_1"),
    )
    did = SelectField(_l("What"))
    event = StringField(_l("Name of the event"), [Length(max=64)])
    property_0 = StringField(_l("Its property"), [Length(max=64)])
    op_0 = SelectField(_l("How"), default="eq")
    value_0 = StringField(_l("Value"), [Length(max=200)])
    property_1 = StringField(_l("and"), [Length(max=64)])
    op_1 = SelectField(_l("How"), default="eq")
    value_1 = StringField(_l("Value"), [Length(max=200)])
    step = SelectField(_l("Which message"), default="")

    def offer(self, offers: Offers, kind: str) -> None:
        """What can happen, and the messages of this flow."""
        self.did.choices = [
            ("", _("An event")),
            *((did, _("A message %(did)s", did=_(said))) for did, said in words.DID.items()),
        ]
        self.op_0.choices = self.op_1.choices = [(op, _(said)) for op, said in words.OPS.items()]
        self.step.choices = [("", _("Any message of this flow")), *offers.senders]
        self.did.description = counted(self.did.data)

    def layout(self) -> list[list[Field]]:
        """Without the fields of the other kind."""
        other = ("event", "property_0", "property_1") if self.did.data else ("step",)
        return [row for row in super().layout() if row[0].name not in other]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """The first two properties have inputs."""
        data = super().data_of(config)
        for n, one in enumerate(data.get("where", {}).get("all", [])[:2]):
            data |= {f"property_{n}": one["property"], f"op_{n}": one["op"], f"value_{n}": spelt(one.get("value"))}
        return data

    def config(self, present: Config) -> dict[str, Any]:
        """Either the event or the message, whichever is chosen."""
        said = {name: value for name, value in super().config(present).items() if name[-2:] not in ("_0", "_1")}
        kept = present.dump().get("where", {}).get("all", [])[2:]
        asked = [property_of(self[f"property_{n}"].data, self[f"op_{n}"].data, self[f"value_{n}"].data) for n in (0, 1)]
        said |= {"where": {"all": [*(one for one in asked if one), *kept]}}
        for name in ("event", "where") if said.get("did") else ("step",):
            said.pop(name, None)
        return said


_TIME = ("days", "hours", "minutes", "business_days")


class TimeForm(StepForm):
    """A time: of a wait, or of one that runs out (`timeout`)."""

    rows: ClassVar[tuple[tuple[str, ...], ...]] = (("days", "hours", "minutes"),)
    days = IntegerField(_l("Days"), [Optional()])
    hours = IntegerField(_l("Hours"), [Optional()])
    minutes = IntegerField(_l("Minutes"), [Optional()])
    business_days = BooleanField(
        _l("Business days only"), description=_l("Weekends and holidays of the bank’s calendar do not count.")
    )

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """Also the time that runs out."""
        dumped: dict[str, Any] = super().data_of(config)
        timeout: dict[str, Any] = dumped.get("timeout", {})
        return dumped | timeout

    def time(self) -> dict[str, Any]:
        """The time."""
        return {name: self[name].data for name in _TIME if self[name].data}

    def config(self, present: Config) -> dict[str, Any]:
        """The time under its own name, where it is one of several things."""
        said = super().config(present)
        if not hasattr(present, "timeout"):
            return said
        return {name: value for name, value in said.items() if name not in _TIME} | {"timeout": self.time()}


def counted(did: str | None) -> str:
    """Whose opens and clicks count, where it is about one."""
    said = _(
        "Only what a person opens or clicks counts, not what a machine does: a scanner, a headless browser, a mail program."
    )
    return said if did in ("opened", "clicked") else ""


def property_of(name: str | None, op: str, said: str | None) -> dict[str, Any] | None:
    """A comparison with a property, if one was named."""
    if not name:
        return None
    if op in ("is_set", "is_not_set"):
        return {"property": name, "op": op}
    if op in ("in", "not_in"):
        return {"property": name, "op": op, "value": [value(one) for one in (said or "").split(",") if one.strip()]}
    return {"property": name, "op": op, "value": value(said)}


def value(said: str | None) -> str | int | float | bool | None:
    """What was typed, as JSON has it: a number, true, false, or a text."""
    plain = (said or "").strip()
    try:
        found = json.loads(plain)
    except ValueError:
        return plain or None
    return found if isinstance(found, int | float | bool) else plain


def spelt(said: Any) -> str:
    """A value as it is typed."""
    if isinstance(said, list):
        return ", ".join(map(spelt, said))
    return "" if said is None else json.dumps(said) if isinstance(said, bool) else str(said)


def dates(offers: Offers) -> Choices:
    """The dates of a contact."""
    return [(one.name, one.label if one.is_custom else _(one.label)) for one in offers.of_bank.dates]


def days_of_week() -> Choices:
    """Sunday first."""
    return [(str(day), _(words.WEEKDAYS[day])) for day in (6, 0, 1, 2, 3, 4, 5)]


def roles() -> Choices:
    """Whom one can ask and tell."""
    return [("", _("Choose…")), *((name, _(label)) for name, label in LABELS.items())]


def chosen(offered: list[tuple[Any, str]]) -> Choices:
    """Things by id, none at first."""
    return [("", _("Choose…")), *((str(i), name) for i, name in offered)]


def as_inputs(data: dict[str, Any]) -> dict[str, Any]:
    """A time of day and days of the week as inputs have them."""
    at = {"at": time.fromisoformat(data["at"])} if data.get("at") else {}
    return data | at | {"weekdays": [str(day) for day in data.get("weekdays", [])]}


def as_kept(said: dict[str, Any]) -> dict[str, Any]:
    """The same as a set-up has them."""
    at = {"at": said["at"].strftime("%H:%M")} if said.get("at") else {}
    return said | at | {"weekdays": [int(day) for day in said.get("weekdays", [])]}
