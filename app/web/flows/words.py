"""Steps and triggers in the reader's words: what a kind is called, and what one of them does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import gettext, ngettext

from app.core.db import db
from app.core.errors import mark
from app.domain.access.permissions import LABELS
from app.domain.flows import naming
from app.domain.flows.definition import Flowchart, Step
from app.domain.flows.steps import Duration, Happening, Trigger
from app.domain.segments.fields import PROPERTY
from app.web import setting_words


def _(message: str, **values: object) -> str:
    return str(gettext(message, **values))


@dataclass(frozen=True)
class Kind:
    """What a kind of step is called, its icon, and where it stands in the palette."""

    label: str
    icon: str
    group: str
    tone: str


MESSAGES, TIME, WAYS, DOING = mark("Messages"), mark("Time"), mark("Ways"), mark("Doing something")
KINDS: Mapping[str, Kind] = {
    "send_sms": Kind(mark("Send an SMS"), "message-2", MESSAGES, "text"),
    "send_email": Kind(mark("Send an e-mail"), "mail", MESSAGES, "mail"),
    "wait": Kind(mark("Wait"), "hourglass", TIME, "time"),
    "wait_until": Kind(mark("Wait until a moment"), "calendar-time", TIME, "time"),
    "wait_for": Kind(mark("Wait for something"), "clock", TIME, "time"),
    "split": Kind(mark("Split by condition"), "git-branch", WAYS, "way"),
    "ab_split": Kind(mark("Split by chance"), "percentage", WAYS, "way"),
    "goal": Kind(mark("Goal"), "target", WAYS, "goal"),
    "go_to": Kind(mark("Go on elsewhere"), "repeat", WAYS, "way"),
    "exit": Kind(mark("End of the way"), "logout", WAYS, "end"),
    "update_contact": Kind(mark("Set fields"), "pencil", DOING, "act"),
    "tag": Kind(mark("Tags"), "tag", DOING, "act"),
    "notify": Kind(mark("Tell colleagues"), "bell", DOING, "act"),
    "review": Kind(mark("A colleague decides"), "clipboard-check", DOING, "act"),
    "webhook": Kind(mark("Tell a system"), "webhook", DOING, "act"),
}
TRIGGERS: Mapping[str, str] = {
    "segment_enter": mark("Somebody enters a segment"),
    "segment_leave": mark("Somebody leaves a segment"),
    "event": mark("Something happens (an event)"),
    "date": mark("A date of the contact comes"),
    "schedule": mark("At fixed times, everybody of a segment"),
    "message": mark("Somebody does something with a message"),
    "month_qualified": mark("A month of a programme is approved"),
    "api": mark("Another system, or a colleague, puts somebody in"),
}
DID: Mapping[str, str] = {
    "sent": mark("is sent"), "delivered": mark("is delivered"), "opened": mark("is opened"), "clicked": mark("is clicked"),
    "replied": mark("is answered"), "bounced": mark("bounces"), "failed": mark("fails"),
    "unsubscribed": mark("leads to unsubscribing"),
}  # fmt: skip
BRANCHES: Mapping[str, str] = {
    "happened": mark("It happened"), "timeout": mark("Time ran out"), "approved": mark("Approved"),
    "rejected": mark("Refused"), "else": mark("Everybody else"),
}  # fmt: skip
WEEKDAYS = (
    mark("Monday"), mark("Tuesday"), mark("Wednesday"), mark("Thursday"), mark("Friday"), mark("Saturday"), mark("Sunday"),
)  # fmt: skip
Said = tuple[str, str]


@dataclass(frozen=True)
class Speaker:
    """Says what steps of one flow do; it knows what the ids in it are called."""

    chart: Flowchart
    names: naming.Names

    def step(self, step: Step) -> Said:
        """What a step does, and the finer print."""
        said, print_ = _STEPS[step.type](self, step.config)
        return said or _(KINDS[step.type].label), print_

    def trigger(self) -> Said:
        """What begins the flow, and how often for one person."""
        said = _TRIGGERS[self.chart.trigger_type](self, self.chart.trigger)
        return said or _(TRIGGERS[self.chart.trigger_type]), _again(self.chart.trigger)

    def name_of(self, step_id: str) -> str:
        """A step of this flow, as others speak of it."""
        found = self.chart.step(step_id)
        if found is None:
            return "?"
        return _(KINDS[found.type].label) if found.type == "go_to" else self.step(found)[0]  # jumps may go in circles

    def happening(self, one: Happening) -> str:
        """Something that may happen to a person."""
        if one.event:
            return _("“%(event)s”", event=one.event) + "".join(f", {_compared(part)}" for part in one.where.all)
        if not one.did:
            return ""
        if one.step:
            return _("“%(text)s” %(did)s", text=self.name_of(one.step), did=_(DID[one.did]))
        return _("a message %(did)s", did=_(DID[one.did]))


def speaker(chart: Flowchart) -> Speaker:
    """A speaker for a flow."""
    return Speaker(chart, naming.names(db.session(), chart))


def branch(key: str, label: str) -> str:
    """What a branch is called."""
    return label or (_(BRANCHES[key]) if key in BRANCHES else key.upper())


def duration(one: Duration) -> str:
    """A time, such as "2 days, 3 hours"."""
    parts = []
    if one.days and one.business_days:
        parts.append(ngettext("%(num)s business day", "%(num)s business days", one.days))
    elif one.days:
        parts.append(ngettext("%(num)s day", "%(num)s days", one.days))
    if one.hours:
        parts.append(ngettext("%(num)s hour", "%(num)s hours", one.hours))
    if one.minutes:
        parts.append(ngettext("%(num)s minute", "%(num)s minutes", one.minutes))
    return ", ".join(parts)


def weekdays(days: tuple[int, ...]) -> str:
    """Some days of the week, Sunday first."""
    return ", ".join(_(WEEKDAYS[day]) for day in sorted(days, key=lambda day: (day + 1) % 7))


def role(name: str | None) -> str:
    """A role, in the plural where it is asked or told."""
    return _(LABELS[name]) if name in LABELS else name or ""


def _compared(one: Any) -> str:
    value = ", ".join(map(str, one.value)) if isinstance(one.value, list) else "" if one.value is None else one.value
    return f"{one.property} {_(OPS[one.op])} {value}".strip()


OPS: Mapping[str, str] = {
    "eq": mark("is"), "neq": mark("is not"), "gt": mark("is more than"), "gte": mark("is at least"),
    "lt": mark("is less than"), "lte": mark("is at most"), "contains": mark("contains"), "in": mark("is one of"),
    "not_in": mark("is none of"), "is_set": mark("is there"), "is_not_set": mark("is not there"),
}  # fmt: skip


def _again(trigger: Trigger) -> str:
    if trigger.reentry == "never":
        return _("Each person once")
    if trigger.reentry == "always":
        return _("Each person again and again")
    return str(ngettext("Each person again after %(num)s day", "Each person again after %(num)s days", trigger.reentry))


def _named(found: Mapping[UUID, str], wanted: UUID | None) -> str:
    return found.get(wanted, "?") if wanted else ""


def _send(speaker: Speaker, one: Any) -> Said:
    text = speaker.names.texts.get(one.template_id) if one.template_id else None
    if text is None:
        return "", ""
    return text.name, _("Service message") if text.message_class == "service" else _("Marketing")


def _update(_speaker: Speaker, one: Any) -> Said:
    return "", ", ".join(f"{name}: {'–' if value is None else value}" for name, value in one.set.items())


def _tag(_speaker: Speaker, one: Any) -> Said:
    return "", " ".join([*(f"+{name}" for name in one.add), *(f"−{name}" for name in one.remove)])


def _webhook(speaker: Speaker, one: Any) -> Said:
    found = speaker.names.destinations.get(one.destination_id) if one.destination_id else None
    return (_("Tell “%(name)s”", name=found.name), ", ".join(setting_words.told(found.fields))) if found else ("", "")


def _wait(_speaker: Speaker, one: Any) -> Said:
    return ("" if one.is_nothing else _("Wait %(time)s", time=duration(one))), ""


def _wait_until(speaker: Speaker, one: Any) -> Said:
    zone = _("the contact’s time") if one.zone == "contact" else _("the bank’s time")
    if one.field:
        return _("Wait until %(date)s", date=_from_date(speaker, one)), ", ".join(filter(None, (one.at, zone)))
    days = weekdays(one.weekdays)
    return (_("Wait until %(time)s", time=one.at) if one.at else ""), ", ".join(filter(None, (days, zone)))


def _from_date(speaker: Speaker, one: Any) -> str:
    field = speaker.names.fields.get(one.field or "", (one.field or "").removeprefix(PROPERTY))
    field, days = (_(field) if one.field in speaker.names.ours else field), abs(one.offset_days)
    if one.offset_days < 0:
        return str(ngettext("%(num)s day before “%(field)s”", "%(num)s days before “%(field)s”", days, field=field))
    if one.offset_days > 0:
        return str(ngettext("%(num)s day after “%(field)s”", "%(num)s days after “%(field)s”", days, field=field))
    return _("“%(field)s”", field=field)


def _wait_for(speaker: Speaker, one: Any) -> Said:
    what = speaker.happening(one)
    most = _("at most %(time)s", time=duration(one.timeout)) if not one.timeout.is_nothing else ""
    return (_("Wait until %(what)s", what=what) if one.did else _("Wait for %(what)s", what=what) if what else ""), most


def _goal(speaker: Speaker, one: Any) -> Said:
    what = speaker.happening(one)
    within = ngettext("within %(num)s day", "within %(num)s days", one.window_days)
    then = _("then the way ends") if one.then == "exit" else _("then the way goes on")
    return (_("Goal: %(what)s", what=what) if what else ""), f"{within}, {then}"


def _exit(_speaker: Speaker, one: Any) -> Said:
    return "", one.reason or ""


def _go_to(speaker: Speaker, one: Any) -> Said:
    most = ngettext("at most %(num)s time", "at most %(num)s times", one.max_visits)
    if one.target:
        return _("Go on at “%(step)s”", step=speaker.name_of(one.target)), most
    return (
        (_("Begin the flow “%(name)s”", name=_named(speaker.names.flows, one.flow_id)), "") if one.flow_id else ("", "")
    )


def _notify(_speaker: Speaker, one: Any) -> Said:
    return (_("Tell: %(role)s", role=role(one.role)) if one.role else ""), one.text or ""


def _review(_speaker: Speaker, one: Any) -> Said:
    return (_("To decide: %(role)s", role=role(one.role)) if one.role else ""), one.question or ""


def _split(_speaker: Speaker, _one: Any) -> Said:
    return "", ""


_STEPS: Mapping[str, Callable[[Speaker, Any], Said]] = {
    "send_sms": _send, "send_email": _send, "update_contact": _update, "tag": _tag, "webhook": _webhook, "wait": _wait,
    "wait_until": _wait_until, "wait_for": _wait_for, "split": _split, "ab_split": _split, "goal": _goal, "exit": _exit,
    "go_to": _go_to, "notify": _notify, "review": _review,
}  # fmt: skip


def _on_segment(said: str) -> Callable[[Speaker, Any], str]:
    return lambda speaker, one: _(said, name=_named(speaker.names.segments, one.segment_id)) if one.segment_id else ""


def _on_schedule(speaker: Speaker, one: Any) -> str:
    days = weekdays(one.weekdays) or (
        _("on the days %(days)s", days=", ".join(map(str, one.days))) if one.days else _("every day")
    )
    name = _named(speaker.names.segments, one.segment_id)
    return _("Everybody of “%(name)s”, %(days)s at %(time)s", name=name, days=days, time=one.at)


def _on_date(speaker: Speaker, one: Any) -> str:
    return f"{_from_date(speaker, one)}, {one.at}" if one.field else ""


def _on_message(_speaker: Speaker, one: Any) -> str:
    said = _("A message %(did)s", did=_(DID[one.did])) if one.did else ""
    return f"{said}: “{one.contains}”" if one.contains else said


def _on_month(speaker: Speaker, one: Any) -> str:
    if not one.programme_id:
        return ""
    name = _named(speaker.names.programmes, one.programme_id)
    said = _("Qualified in a month of “%(name)s”", name=name)
    return said if one.outcome == "qualified" else _("Not qualified in a month of “%(name)s”", name=name)


_TRIGGERS: Mapping[str, Callable[[Speaker, Any], str]] = {
    "event": lambda speaker, one: _("Event “%(event)s”", event=one.event) if one.event else "",
    "segment_enter": _on_segment(mark("Enters the segment “%(name)s”")),
    "segment_leave": _on_segment(mark("Leaves the segment “%(name)s”")),
    "date": _on_date,
    "schedule": _on_schedule,
    "message": _on_message,
    "api": lambda _speaker, _one: "",
    "month_qualified": _on_month,
}


RUNS: Mapping[str, str] = {
    "active": mark("On the way"), "failed": mark("Failed"), "finished": mark("Through"), "left": mark("Left"),
}  # fmt: skip


def run(state: str) -> str:
    """The state of somebody in a flow."""
    return _(RUNS.get(state, state))
