"""What keeps a flow from running: every problem with the step it is about and its path in the JSON. Hints keep nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, Issue, mark
from app.domain.access.permissions import LABELS
from app.domain.bank.models import Programme
from app.domain.content import checks
from app.domain.content.compile import TRACKED
from app.domain.content.models import Template, TemplateVersion
from app.domain.events.models import Event
from app.domain.flows import ways
from app.domain.flows.definition import ELSE, TRIGGER, Flowchart, Step, parse
from app.domain.flows.edits import paths
from app.domain.flows.models import Flow, FlowDestination
from app.domain.flows.states import BEGUN
from app.domain.flows.steps import SENDS, Config, GoTo, Happening, Send, UpdateContact, WaitUntil, Webhook
from app.domain.providers import accounts
from app.domain.segments import check, fields
from app.domain.segments.models import Segment

RULES = "rules"
SETTABLE = ("language", "gender", "timezone", "country", "city", "postal_code", "lifecycle_stage")
_DATES = ("date", "moment")
_FOLLOWED = {"opened": ("email",), "clicked": ("email", "sms")}  # what is seen only where a text is tracked, by channel

# What a step lacks, by the name of what is missing.
_MISSING = {
    "add": mark("Say which tags to add or to take away."),
    "at": mark("Say until when to wait."),
    "days": mark("Say how long to wait."),
    "destination_id": mark("Choose the system that is told."),
    "did": mark("Say what happened to the message."),
    "event": mark("Say which event, or what happened to a message."),
    "field": mark("Choose a date of the contact."),
    "programme_id": mark("Choose a programme."),
    "role": mark("Choose who is asked."),
    "segment_id": mark("Choose a segment."),
    "set": mark("Say which fields are set."),
    "target": mark("Choose where to go on."),
    "template_id": mark("Choose a text."),
    "text": mark("Write what they are told."),
    "timeout": mark("Say how long to wait for it at most."),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a step (or the trigger, the rules, the whole: then `step` is empty), or a hint."""

    step: str
    path: str
    message: str
    values: dict[str, object] | None = None
    level: Literal["error", "hint"] = "error"

    def issue(self) -> Issue:
        """As part of a refusal."""
        return Issue(self.path, self.message, self.values)


def problems(session: Session, flow: Flow) -> list[Problem]:
    """Everything that is wrong with a draft, errors first, each in reading order."""
    found = list(_Checker(session, flow.id, parse(flow.definition)).all())
    return sorted(found, key=lambda one: one.level == "hint")


def hints(session: Session, flow: Flow, chart: Flowchart) -> list[Problem]:
    """What whoever decides on these steps of a flow is told beside them, as their author was."""
    return [one for one in _Checker(session, flow.id, chart).all() if one.level == "hint"]


def refuse(session: Session, flow: Flow) -> None:
    """Raise Invalid with all errors of a draft that cannot run."""
    found = [one.issue() for one in problems(session, flow) if one.level == "error"]
    if found:
        raise Invalid(mark("The flow cannot run yet. Set up the steps that are marked."), details=tuple(found))


class _Checker:
    """Looks through one flow. Each kind of step has its own check beside what holds for all."""

    def __init__(self, session: Session, flow_id: UUID, chart: Flowchart) -> None:
        self.session, self.flow_id, self.chart = session, flow_id, chart
        self.known, self.paths = fields.catalogue(session), paths(chart)
        self.routes: dict[str, bool] = {}

    def all(self) -> Iterator[Problem]:
        yield from self._trigger()
        if not self.chart.lane:
            yield Problem("", "lane", mark("The flow has no steps yet. Add the first one."))
        lost, circling = set(ways.unreached(self.chart)), set(ways.circles(self.chart))
        for step in self.chart.steps():
            path = self.paths[step.id]
            yield from self._missing(step.id, step.config, f"{path}.config")
            yield from _OWN.get(step.type, _nothing)(self, step, path)
            if step.id in lost:
                said = mark("Nobody comes to this step: the way ends before it.")
                yield Problem(step.id, path, said)
            if step.id in circling:
                said = mark("This goes round in circles without a wait. Put a wait between.")
                yield Problem(step.id, f"{path}.config.target", said)
        yield from self._rules()

    def _trigger(self) -> Iterator[Problem]:
        begin = self.chart.trigger
        yield from self._missing(TRIGGER, begin, "trigger.config")
        yield from self._segment(TRIGGER, getattr(begin, "segment_id", None), "trigger.config.segment_id")
        yield from self._events(TRIGGER, begin, "trigger.config")
        programme = getattr(begin, "programme_id", None)
        if programme and self.session.get(Programme, programme) is None:
            yield Problem(TRIGGER, "trigger.config.programme_id", mark("There is no such programme."))
        if self.chart.trigger_type == "date":
            yield from self._date(TRIGGER, getattr(begin, "field", None), "trigger.config.field")

    def _rules(self) -> Iterator[Problem]:
        rules = self.chart.rules
        yield from self._segment(RULES, rules.exit_segment_id, "rules.exit_segment_id")
        for n, one in enumerate(rules.exits):
            yield from self._missing(RULES, one, f"rules.exits[{n}]")
            yield from self._happening(RULES, one, f"rules.exits[{n}]")

    def _missing(self, step: str, config: Config, path: str) -> Iterator[Problem]:
        for name in config.missing:
            yield Problem(step, f"{path}.{name}", _MISSING[name])

    def _segment(self, step: str, segment_id: UUID | None, path: str) -> Iterator[Problem]:
        segment = self.session.get(Segment, segment_id) if segment_id else None
        if segment_id and (segment is None or segment.archived_at):
            yield Problem(step, path, mark("There is no such segment."))

    def _events(self, step: str, config: Config, path: str) -> Iterator[Problem]:
        """An event nobody has sent yet may come: a hint."""
        for name in config.events:
            query = select(Event.id).where(Event.name == name).limit(1)
            if self.session.execute(query).first() is None:
                said = mark("No event “%(event)s” has come in yet. Check how it is written.")
                yield Problem(step, f"{path}.event", said, {"event": name}, "hint")

    def _date(self, step: str, name: str | None, path: str) -> Iterator[Problem]:
        field = self.known.get(name) if name else None
        if name and (field is None or field.type not in _DATES):
            yield Problem(step, path, mark("There is no such date of the contact."))

    def _happening(self, step: str, config: Happening, path: str) -> Iterator[Problem]:
        yield from self._events(step, config, path)
        sender = self.chart.step(config.step) if config.step else None
        if config.step and (sender is None or sender.type not in SENDS):
            yield Problem(step, f"{path}.step", mark("It is about a message of a step that is not there any more."))
        elif config.did in _FOLLOWED and not any(
            self._is_followed(one, _FOLLOWED[config.did]) for one in ([sender] if sender else self.chart.steps())
        ):
            said = mark("Only marketing texts are followed: nobody will be seen to open or click this one.")
            yield Problem(step, f"{path}.did", said, level="hint")

    def _is_followed(self, step: Step, channels: tuple[str, ...]) -> bool:
        """Whether it would be seen that somebody opened, or clicked in, what a step sends; of an unfinished one it is open."""
        if SENDS.get(step.type) not in channels or not isinstance(step.config, Send):
            return False
        template = self.session.get(Template, step.config.template_id) if step.config.template_id else None
        return template is None or template.message_class in TRACKED

    def happening(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, Happening)
        yield from self._happening(step.id, step.config, f"{path}.config")

    def send(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, Send)
        channel, place = SENDS[step.type], f"{path}.config.template_id"
        if step.config.template_id is None:
            return
        template = self.session.get(Template, step.config.template_id)
        if template is None or template.archived_at or template.current_id is None:
            yield Problem(step.id, place, mark("There is no such text, or it was archived."))
        elif template.channel != channel:
            yield Problem(step.id, place, mark("This text is not for this channel."))
        else:
            yield from self._text(step, template, place)
        if channel not in self.routes:
            self.routes[channel] = bool(accounts.in_order(self.session, channel))
        if not self.routes[channel]:
            yield Problem(step.id, path, mark("There is no provider for this channel. An owner can add one."))

    def _text(self, step: Step, template: Template, path: str) -> Iterator[Problem]:
        """What would reach customers wrong, as before a campaign."""
        version = self.session.get_one(TemplateVersion, template.current_id)
        is_named = all(accounts.names_itself(one) for one in accounts.in_order(self.session, template.channel))
        for found in checks.check(self.session, template, version, is_named=is_named, given=frozenset()):
            if found.level == "error":
                yield Problem(step.id, path, found.message, found.values)

    def webhook(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, Webhook)
        wanted = step.config.destination_id
        found = self.session.get(FlowDestination, wanted) if wanted else None
        if wanted and (found is None or found.archived_at):
            yield Problem(step.id, f"{path}.config.destination_id", mark("There is no such destination."))
        elif found and found.approved_at is None:
            said = mark("A second person has not approved this destination yet.")
            yield Problem(step.id, f"{path}.config.destination_id", said)

    def update_contact(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, UpdateContact)
        for name in step.config.set:
            if name not in SETTABLE and not (name.startswith(fields.PROPERTY) and self.known.get(name)):
                said = mark("The field “%(field)s” cannot be set by a flow.")
                yield Problem(step.id, f"{path}.config.set.{name}", said, {"field": name})

    def wait_until(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, WaitUntil)
        yield from self._date(step.id, step.config.field, f"{path}.config.field")

    def split(self, step: Step, path: str) -> Iterator[Problem]:
        if len(step.branches) < 2:
            yield Problem(step.id, f"{path}.branches", mark("Add a branch with a condition."))
        for n, branch in enumerate(step.branches):
            place = f"{path}.branches[{n}].when"
            if branch.when is None and branch.key != ELSE:
                yield Problem(step.id, place, mark("A branch has no condition yet."))
            elif branch.when is not None:
                try:
                    check.check(self.session, branch.when.dump())
                except Invalid as wrong:
                    for one in wrong.details:
                        yield Problem(step.id, f"{place}.{one.field}", one.message, one.values)

    def ab_split(self, step: Step, path: str) -> Iterator[Problem]:
        if len(step.branches) < 2:
            yield Problem(step.id, f"{path}.branches", mark("Add at least two branches."))
        elif (total := sum(branch.percent or 0 for branch in step.branches)) != 100:
            said = mark("The shares of the branches are %(total)s%% together; they have to be 100%%.")
            yield Problem(step.id, f"{path}.branches", said, {"total": total})

    def go_to(self, step: Step, path: str) -> Iterator[Problem]:
        assert isinstance(step.config, GoTo)
        target, other = step.config.target, step.config.flow_id
        if target and self.chart.step(target) is None:
            yield Problem(step.id, f"{path}.config.target", mark("The step it leads to is not there any more."))
        if other:
            found = self.session.get(Flow, other)
            if found is None or found.archived_at or other == self.flow_id:
                yield Problem(step.id, f"{path}.config.flow_id", mark("There is no such flow."))
            elif found.state not in BEGUN:
                said = mark("The flow “%(name)s” does not run yet: nobody enters it before.")
                yield Problem(step.id, f"{path}.config.flow_id", said, {"name": found.name}, "hint")

    def role(self, step: Step, path: str) -> Iterator[Problem]:
        role = getattr(step.config, "role", None)
        if role and role not in LABELS:
            yield Problem(step.id, f"{path}.config.role", mark("There is no such role."))


def _nothing(_checker: _Checker, _step: Step, _path: str) -> Iterator[Problem]:
    return iter(())


_OWN: Mapping[str, Callable[[_Checker, Step, str], Iterator[Problem]]] = {
    "send_sms": _Checker.send,
    "send_email": _Checker.send,
    "update_contact": _Checker.update_contact,
    "webhook": _Checker.webhook,
    "wait_until": _Checker.wait_until,
    "wait_for": _Checker.happening,
    "goal": _Checker.happening,
    "split": _Checker.split,
    "ab_split": _Checker.ab_split,
    "go_to": _Checker.go_to,
    "notify": _Checker.role,
    "review": _Checker.role,
}
