"""Walk a flow without doing anything: one contact, with a chosen clock. Nothing is written. Everybody at once: rehearsal.py."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.contacts.models import Contact
from app.domain.content.models import TemplateVersion
from app.domain.content.preview import Preview, data_for, preview
from app.domain.content.render import TemplateError, prepared
from app.domain.content.sandbox import TooSlow
from app.domain.flows import engine, lookback, pinned, validation
from app.domain.flows.acts import waiting
from app.domain.flows.batch import Batch, Run
from app.domain.flows.course import Course
from app.domain.flows.definition import Step, parse
from app.domain.flows.models import Flow
from app.domain.flows.steps import WAITS, Goal, GoTo, WaitFor
from app.domain.messages import policy
from app.domain.messages.pinned import PinnedText
from app.domain.segments import compiler
from app.domain.segments.explain import Verdict, judge

MOST = 500  # steps of one path


@dataclass(frozen=True)
class Stop:
    """A step on the way: when he came, when and by which port he went on, and what was done or decided there.

    `verdicts` are of the conditions up to the one that held, by branch. A text has the reason why it would not be sent, or when it
    would go out; a wait for something of a text that is not sent has that reason, too. `port` is None where he ends.
    """

    step: Step
    at: datetime
    until: datetime
    port: str | None
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    text: Preview | None = None
    reason: str | None = None
    goes_at: datetime | None = None


@dataclass(frozen=True)
class Path:
    """The whole way of one contact, why it ends, and the zone whose clock he goes by."""

    stops: tuple[Stop, ...]
    ends: str  # finished, exit_segment, or endless
    zone: str


def one(
    session: Session,
    flow: Flow,
    contact_id: UUID,
    *,
    at: datetime | None = None,
    happens: Mapping[str, bool] | None = None,
    by: Actor,
) -> Path:
    """The way of a contact who enters at a moment; waits are jumped.

    `happens` says of steps that wait for something, of goals and of reviews whether it happens (it is approved); what is not named
    does not.

    Raises NotFound, Invalid (the draft cannot run), Forbidden.
    """
    require(by, "flows:read")
    person = session.get(Contact, contact_id)
    if person is None or person.deleted_at is not None or person.status == "erased":
        raise NotFound(mark("There is no such contact."))
    return _Walk(session, drafted(session, flow), person, happens or {}).go(at or clock.now())


def drafted(session: Session, flow: Flow) -> Course:
    """The draft as a version would be. Raises Invalid if it cannot run."""
    validation.refuse(session, flow)
    return Course(flow.id, flow.id, None, engine.graph_of(parse(flow.definition)), pinned.present(session, flow))


class _Walk:
    """One contact on his way through a course, by a clock of its own."""

    def __init__(self, session: Session, course: Course, person: Contact, happens: Mapping[str, bool]) -> None:
        self._session = session
        self._course = course
        self._person = person
        self._happens = happens
        self._visits: Counter[str] = Counter()
        self._texts: dict[str, str | None] = {}  # of steps that send: why not
        self._zone = person.timezone or organisation_of(session).timezone

    def go(self, now: datetime) -> Path:
        """From the first step to the end."""
        place, stops = self._course.graph.first, list[Stop]()
        while place is not None and len(stops) < MOST:
            with clock.at(now):
                if self._has_left():
                    return Path(tuple(stops), "exit_segment", self._zone)
                stop = self._stop(self._course.graph.nodes[place].step, now)
            stops.append(stop)
            now = stop.until
            place = self._course.graph.nodes[place].ways[stop.port] if stop.port is not None else None
        return Path(tuple(stops), "finished" if place is None else "endless", self._zone)

    def _has_left(self) -> bool:
        segment_id = self._course.chart.rules.exit_segment_id
        if segment_id is None:
            return False
        inside = self._course.around(self._session).segment(segment_id)
        return self._session.execute(compiler.holding(inside, [self._person.id])).first() is not None

    def _stop(self, step: Step, now: datetime) -> Stop:
        self._visits[step.id] += 1
        if step.type in WAITS:
            return self._wait(step, now)
        if step.type == "split":
            return self._split(step, now)
        if step.id in self._course.pinned.texts:
            return self._text(step, now, self._course.pinned.texts[step.id])
        return Stop(step, now, now, self._port(step))

    def _port(self, step: Step) -> str:
        match step.config:
            case GoTo(max_visits=most):
                return engine.NEXT if self._visits[step.id] <= most else engine.ENOUGH
            case Goal():
                return engine.REACHED if self._happens.get(step.id) else engine.NEXT
        if step.type == "ab_split":
            salt = f"flow:{self._course.flow_id}:{step.id}"
            return engine.drawn(step.branches, vault_of(self._session).bucket(salt, self._person.id))
        return engine.NEXT

    def _wait(self, step: Step, now: datetime) -> Stop:
        if self._happens.get(step.id):
            return Stop(
                step, now, now, {"wait_for": engine.HAPPENED, "review": engine.APPROVED}.get(step.type, engine.NEXT)
            )
        if (reason := self._hopeless(step)) is not None:
            return Stop(step, now, now, engine.TIMEOUT, reason=reason)
        batch = Batch(self._session, self._course, now)
        run = Run(UUID(int=0), self._person.id, UUID(int=0), now, now, self._zone)
        name = getattr(step.config, "field", None)
        day = waiting.dates(batch, name, [run])[self._person.id] if name else None
        return Stop(step, now, engine.due(step, now, batch.facts(run, day)), engine.by_itself(step))

    def _hopeless(self, step: Step) -> str | None:
        """Why nothing can happen that a wait is for: the texts that are meant are not sent. Else None."""
        if not isinstance(step.config, WaitFor) or not lookback.is_of_texts(step.config):
            return None
        meant = {one: why for one, why in self._texts.items() if step.config.step in (None, one)}
        return None if None in meant.values() else next(reversed(meant.values()), None) or lookback.NO_MESSAGE

    def _split(self, step: Step, now: datetime) -> Stop:
        verdicts: dict[str, Sequence[Verdict]] = {}
        for branch in step.branches:
            if branch.when is None:
                return Stop(step, now, now, branch.key, verdicts)
            told = judge(self._session, branch.when, self._person.id)
            verdicts[branch.key] = told.verdicts
            if told.is_in:
                return Stop(step, now, now, branch.key, verdicts)
        return Stop(step, now, now, None, verdicts)

    def _text(self, step: Step, now: datetime, text: PinnedText) -> Stop:
        """The text as he would get it, masked; and whether and when."""
        who = select(literal(self._person.id))
        reason = self._session.execute(policy.verdicts(who, text.channel, text.message_class)).one().reason
        version = self._session.get_one(TemplateVersion, text.version_id)
        language = prepared(version, text.channel).language_for(self._person.language)
        data, shown = data_for(self._session, self._person, language), None
        try:
            shown = preview(text.channel, text.message_class, version.texts[language], data, language=language)
        except (TemplateError, TooSlow):
            reason = reason or "text_failed"
        windows = Batch(self._session, self._course, now).windows
        self._texts[step.id] = reason
        goes_at = windows.next_open(now, self._zone) if text.message_class == "marketing" else now
        return Stop(step, now, now, engine.NEXT, text=shown, reason=reason, goes_at=None if reason else goes_at)
