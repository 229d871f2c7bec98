"""The form of each kind of trigger, and of the rules of the whole."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, DecimalField, IntegerField, RadioField, SelectField, StringField, TimeField
from wtforms.validators import Length, Optional

from app.domain.flows.steps import Config
from app.web.flows import words
from app.web.flows.forms.base import (
    Checks,
    HappeningForm,
    Offers,
    StepForm,
    as_inputs,
    as_kept,
    chosen,
    counted,
    dates,
    days_of_week,
    property_of,
    spelt,
)

_AGAIN = frozenset({1, 7, 30, 90, 180, 300, 365})


class TriggerForm(StepForm):
    """How often one person may enter."""

    reentry = SelectField(_l("The same person again"))

    def offer(self, offers: Offers, kind: str) -> None:
        """Never, always, or after some days."""
        days = sorted(_AGAIN | ({int(self.reentry.data)} if str(self.reentry.data).isdecimal() else set()))
        after = [(str(n), ngettext("after %(num)s day", "after %(num)s days", n)) for n in days]
        self.reentry.choices = [("never", _("never")), *after, ("always", _("every time"))]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """A number as its choice is written."""
        data = super().data_of(config)
        return data | {"reentry": str(data["reentry"])}

    def config(self, present: Config) -> dict[str, Any]:
        """Days as a number."""
        said = super().config(present)
        again = str(said.get("reentry", "never"))
        return said | {"reentry": int(again) if again.isdecimal() else again}


class EventTriggerForm(TriggerForm):
    """An event."""

    rows = (("property_0", "op_0", "value_0"),)
    order = ("event", "property_0", "op_0", "value_0")
    event = StringField(_l("Name of the event"), [Length(max=64)])
    property_0 = StringField(_l("Its property"), [Length(max=64)])
    op_0 = SelectField(_l("How"))
    value_0 = StringField(_l("Value"), [Length(max=200)])
    key = StringField(
        _l("Once for each"),
        [Length(max=64)],
        description=_l("A property, such as the number of a loan: each value may begin it once."),
    )
    unverified = BooleanField(_l("Also events that only a web page told"))

    def offer(self, offers: Offers, kind: str) -> None:
        """How a property is compared."""
        super().offer(offers, kind)
        self.op_0.choices = [(op, _(said)) for op, said in words.OPS.items()]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """The first property has inputs."""
        data = super().data_of(config)
        for one in data.get("where", {}).get("all", [])[:1]:
            data |= {"property_0": one["property"], "op_0": one["op"], "value_0": spelt(one.get("value"))}
        return data

    def config(self, present: Config) -> dict[str, Any]:
        """With the other properties as they were."""
        said = {name: value for name, value in super().config(present).items() if name[-2:] != "_0"}
        asked = property_of(self.property_0.data, self.op_0.data, self.value_0.data)
        kept = present.dump().get("where", {}).get("all", [])[1:]
        return said | {"where": {"all": [*([asked] if asked else []), *kept]}}


class EnterTriggerForm(TriggerForm):
    """Somebody enters a segment."""

    order = ("segment_id",)
    segment_id = SelectField(_l("Segment"))
    existing = BooleanField(_l("Also whoever is in it already when the flow begins to run"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The segments."""
        super().offer(offers, kind)
        self.segment_id.choices = chosen(offers.of_bank.segments)


class LeaveTriggerForm(TriggerForm):
    """Somebody leaves a segment."""

    order = ("segment_id",)
    segment_id = SelectField(_l("Segment"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The segments."""
        super().offer(offers, kind)
        self.segment_id.choices = chosen(offers.of_bank.segments)


class DateTriggerForm(TriggerForm):
    """A date of the contact's."""

    rows = (("offset_days", "at"),)
    order = ("field", "offset_days", "at", "yearly")
    field = SelectField(_l("Date"))
    offset_days = IntegerField(_l("Days after it"), [Optional()], description=_l("Before it with a minus: -3"))
    at = TimeField(_l("Time of day"), [Optional()])
    yearly = BooleanField(_l("Every year, as a birthday"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The contact's dates."""
        super().offer(offers, kind)
        self.field.choices = [("", _("Choose…")), *dates(offers)]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """As inputs have them."""
        return as_inputs(super().data_of(config))

    def config(self, present: Config) -> dict[str, Any]:
        """As the set-up has them."""
        return {name: one for name, one in as_kept(super().config(present)).items() if name != "weekdays"}


class ScheduleTriggerForm(TriggerForm):
    """Fixed times."""

    order = ("segment_id", "at", "weekdays", "days")
    segment_id = SelectField(_l("Everybody of the segment"))
    at = TimeField(_l("Time of day"), [Optional()])
    weekdays = Checks(_l("On days of the week"))
    days = StringField(_l("or on days of the month"), [Length(max=100)], description=_l("With commas between: 1, 15"))

    def offer(self, offers: Offers, kind: str) -> None:
        """Segments and weekdays."""
        super().offer(offers, kind)
        self.segment_id.choices = chosen(offers.of_bank.segments)
        self.weekdays.choices = days_of_week()

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """Days as text."""
        data = as_inputs(super().data_of(config))
        return data | {"days": ", ".join(map(str, data.get("days", [])))}

    def config(self, present: Config) -> dict[str, Any]:
        """Days as numbers; what is none is left for the domain to refuse."""
        listed = [day.strip() for day in (self.days.data or "").split(",") if day.strip()]
        return as_kept(super().config(present)) | {"days": [int(day) if day.isdecimal() else day for day in listed]}


class MessageTriggerForm(TriggerForm):
    """What happened to a message."""

    asks = "did"
    order = ("did", "campaign_id", "contains")
    did = SelectField(_l("What happened to a message"))
    campaign_id = SelectField(_l("Of the campaign"))
    contains = StringField(_l("The answer contains"), [Length(max=60)], description=_l("For answers by SMS only."))

    def offer(self, offers: Offers, kind: str) -> None:
        """What can happen, the campaigns."""
        super().offer(offers, kind)
        self.did.choices = [
            ("", _("Choose…")),
            *((did, _("A message %(did)s", did=_(said))) for did, said in words.DID.items()),
        ]
        self.did.description = counted(self.did.data)
        self.campaign_id.choices = [("", _("any campaign")), *offers.campaigns]


class MonthTriggerForm(TriggerForm):
    """A programme."""

    order = ("programme_id", "outcome")
    programme_id = SelectField(_l("Programme"))
    outcome = RadioField(_l("Who"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The programmes."""
        super().offer(offers, kind)
        self.programme_id.choices = chosen(offers.of_bank.programmes)
        self.outcome.choices = [("qualified", _("Those who qualified")), ("not_qualified", _("Those who did not"))]


class RulesForm(HappeningForm):
    """What holds at every step: the first way out has inputs here."""

    exit_segment_id = SelectField(_l("Whoever is in this segment leaves"))
    late = RadioField(_l("What is late after a pause or an outage"))
    late_hours = IntegerField(_l("Late is what is later than so many hours"), [Optional()])
    holdout_percent = DecimalField(
        _l("Control group, percent"),
        [Optional()],
        places=None,
        description=_l("They enter and are sent nothing, so that the difference shows what the flow does."),
    )

    def offer(self, offers: Offers, kind: str) -> None:
        """The segments, what becomes of what is late."""
        super().offer(offers, kind)
        self.did.label.text = _("Whoever does this leaves at once")
        self.did.choices[0] = ("", _("An event, if one is named"))
        segments = [(str(i), name) for i, name in offers.of_bank.segments]
        self.exit_segment_id.choices = [("", _("None")), *segments]
        self.late.choices = [
            ("send", _("is done all the same")),
            ("skip", _("is left out")),
            ("leave", _("whoever it is about leaves")),
        ]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """The first way out beside the rest."""
        exits = getattr(config, "exits", ())
        return (super().data_of(exits[0]) if exits else {}) | config.dump()

    def config(self, present: Config) -> dict[str, Any]:
        """The first way out with the others behind it."""
        exits = getattr(present, "exits", ())
        said = super().config(exits[0] if exits else present)
        first = {name: said[name] for name in ("did", "event", "step", "where") if name in said}
        own = ("exit_segment_id", "late_hours", "late", "holdout_percent")
        others = [one.dump() for one in exits[1:]]
        is_one = first.get("did") or first.get("event")
        return {name: said[name] for name in own if name in said} | {"exits": [*([first] if is_one else []), *others]}


TRIGGER_FORMS: Mapping[str, type[StepForm]] = {
    "event": EventTriggerForm, "segment_enter": EnterTriggerForm, "segment_leave": LeaveTriggerForm,
    "date": DateTriggerForm, "schedule": ScheduleTriggerForm, "message": MessageTriggerForm, "api": TriggerForm,
    "month_qualified": MonthTriggerForm,
}  # fmt: skip
