"""The form of each kind of step. A new kind is a class here and its line in FORMS."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, RadioField, SelectField, StringField, TextAreaField, TimeField
from wtforms.validators import Length, Optional

from app.domain.flows.steps import SENDS, Config
from app.web.flows.forms.base import (
    NOTHING,
    Checks,
    HappeningForm,
    Offers,
    StepForm,
    TimeForm,
    as_inputs,
    as_kept,
    chosen,
    dates,
    days_of_week,
    roles,
    spelt,
    value,
)


class SendForm(StepForm):
    """Which text."""

    template_id = SelectField(
        _l("Text"), description=_l("What is approved with the flow is sent, also if the text is changed later.")
    )

    def offer(self, offers: Offers, kind: str) -> None:
        """The texts of the channel."""
        self.template_id.choices = chosen(
            [(one.id, one.name) for one in offers.of_bank.texts if one.channel == SENDS[kind]]
        )


class WaitForm(TimeForm):
    """How long."""


class WaitUntilForm(StepForm):
    """A time of day, or a date of the contact."""

    rows = (("offset_days", "at"),)
    field = SelectField(_l("A date of the contact"))
    offset_days = IntegerField(_l("Days after it"), [Optional()], description=_l("Before it with a minus: -3"))
    at = TimeField(_l("Time of day"), [Optional()])
    weekdays = Checks(_l("Only on"))
    zone = RadioField(_l("Whose time"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The contact's dates, the days of the week."""
        self.field.choices = [("", _("None: the next time the clock shows it")), *dates(offers)]
        self.weekdays.choices = days_of_week()
        self.zone.choices = [("contact", _("The contact’s")), ("organisation", _("The bank’s"))]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """As inputs have them."""
        return as_inputs(config.dump())

    def config(self, present: Config) -> dict[str, Any]:
        """As the set-up has them."""
        return as_kept(super().config(present))


class WaitForForm(HappeningForm, TimeForm):
    """What is waited for, and how long."""

    rows = (*HappeningForm.rows, *TimeForm.rows)
    since = RadioField(_l("It counts if it happened"))

    def offer(self, offers: Offers, kind: str) -> None:
        """From when on."""
        super().offer(offers, kind)
        self.days.label.text = _("At most: days")
        self.since.choices = [("entry", _("since the flow was entered")), ("arrival", _("only from here on"))]


class GoalForm(HappeningForm):
    """What the flow is for."""

    window_days = IntegerField(_l("Counts for so many days"), [Optional()])
    then = RadioField(_l("Whoever reaches it"))

    def offer(self, offers: Offers, kind: str) -> None:
        """What comes after it."""
        super().offer(offers, kind)
        self.then.choices = [("exit", _("is through")), ("continue", _("goes on behind it"))]


class ExitForm(StepForm):
    """Why."""

    reason = StringField(_l("Reason"), [Length(max=120)], description=_l("Stands in the log of whoever ends here."))


class GoToForm(StepForm):
    """Where."""

    target = SelectField(_l("A step of this flow"))
    flow_id = SelectField(_l("or another flow"))
    max_visits = IntegerField(_l("At most so many times"), [Optional()])

    def offer(self, offers: Offers, kind: str) -> None:
        """The other steps, the other flows."""
        self.target.choices = [NOTHING, *offers.steps]
        self.flow_id.choices = [NOTHING, *((str(i), name) for i, name in offers.of_bank.flows)]


class UpdateForm(StepForm):
    """Fields and their values; what a value is follows the field."""

    rows = tuple((f"field_{n}", f"value_{n}") for n in range(4))
    field_0 = SelectField(_l("Field"))
    value_0 = StringField(_l("Value"), [Length(max=200)])
    field_1 = SelectField(_l("Field"))
    value_1 = StringField(_l("Value"), [Length(max=200)])
    field_2 = SelectField(_l("Field"))
    value_2 = StringField(_l("Value"), [Length(max=200)])
    field_3 = SelectField(_l("Field"))
    value_3 = StringField(_l("Value"), [Length(max=200)])

    def offer(self, offers: Offers, kind: str) -> None:
        """What a flow may set."""
        known = [(one.name, one.label if one.is_custom else _(one.label)) for one in offers.of_bank.settable]
        for n in range(4):
            self[f"field_{n}"].choices = [NOTHING, *known]

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """The first four have inputs."""
        data: dict[str, str] = {}
        for n, (name, kept) in enumerate(list(config.dump().get("set", {}).items())[:4]):
            data |= {f"field_{n}": name, f"value_{n}": spelt(kept)}
        return data

    def config(self, present: Config) -> dict[str, Any]:
        """Those that were chosen."""
        kept = dict(list(present.dump().get("set", {}).items())[4:])
        said = {self[f"field_{n}"].data: self[f"value_{n}"].data for n in range(4) if self[f"field_{n}"].data}
        return {"set": {name: value(one) if "." in name else one or None for name, one in said.items()} | kept}


class TagForm(StepForm):
    """Tags with commas between."""

    add = StringField(_l("Put on"), [Length(max=500)], description=_l("With commas between"))
    remove = StringField(_l("Take away"), [Length(max=500)])

    @classmethod
    def data_of(cls, config: Config) -> dict[str, Any]:
        """As text."""
        return {name: ", ".join(tags) for name, tags in config.dump().items()}

    def config(self, present: Config) -> dict[str, Any]:
        """As lists."""
        return {
            name: [tag.strip() for tag in (self[name].data or "").split(",") if tag.strip()]
            for name in ("add", "remove")
        }


class WebhookForm(StepForm):
    """Which system."""

    destination_id = SelectField(_l("System"))

    def offer(self, offers: Offers, kind: str) -> None:
        """The destinations."""
        self.destination_id.choices = chosen([(one.id, one.name) for one in offers.of_bank.destinations])


class NotifyForm(StepForm):
    """Whom and what."""

    role = SelectField(_l("Who is told"))
    text = TextAreaField(_l("What they are told"), [Length(max=500)], description=_l("The contact is named beside it."))

    def offer(self, offers: Offers, kind: str) -> None:
        """The roles."""
        self.role.choices = roles()


class ReviewForm(TimeForm):
    """Who decides, what, and how long."""

    role = SelectField(_l("Who decides"))
    question = TextAreaField(_l("The question"), [Length(max=500)])
    order = ("role", "question")
    about = _l("If nobody has decided by then, it counts as refused.")

    def offer(self, offers: Offers, kind: str) -> None:
        """The roles."""
        self.role.choices = roles()
        self.days.label.text = _("At most: days")


class DrawForm(StepForm):
    """A draw, a split: their branches are edited beside it (branches.py)."""


FORMS: Mapping[str, type[StepForm]] = {
    "send_sms": SendForm, "send_email": SendForm, "update_contact": UpdateForm, "tag": TagForm, "webhook": WebhookForm,
    "wait": WaitForm, "wait_until": WaitUntilForm, "wait_for": WaitForForm, "split": DrawForm, "ab_split": DrawForm,
    "goal": GoalForm, "exit": ExitForm, "go_to": GoToForm, "notify": NotifyForm, "review": ReviewForm,
}  # fmt: skip
