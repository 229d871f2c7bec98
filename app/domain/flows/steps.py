"""What each kind of step and of trigger is set up with. A new kind is a class here, and its line in STEPS or TRIGGERS.

A step may be incomplete in a draft; validation.py says what is missing. `ports` are the ways out of a step beside its branches.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from app.core.errors import mark
from app.domain.events.matching import NAME, EventIs, Where

Id = Annotated[UUID, PlainSerializer(str)]
CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
DID = Literal["sent", "delivered", "opened", "clicked", "replied", "bounced", "failed", "unsubscribed"]
Weekday = Annotated[int, Field(ge=0, le=6)]  # Monday is 0
Scalar = str | int | float | bool


class Config(BaseModel):
    """Base of every set-up: frozen, unknown names refused, given back as it was said."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
    needs: ClassVar[tuple[str, ...]] = ()  # without these it cannot run

    def dump(self) -> dict[str, Any]:
        """The set-up as JSON, without what nobody said."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be said before it can run."""
        return tuple(name for name in self.needs if getattr(self, name) in (None, "", (), [], {}))

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events it listens to."""
        return ()


class Happening(Config):
    """Something that may happen to a person: an event, or what he did with a message of the flow's (or of any)."""

    event: str | None = Field(default=None, pattern=NAME)
    where: Where = Where()
    did: DID | None = None
    step: str | None = None  # the sending step whose message is meant; without it any message of this run

    @model_validator(mode="after")
    def _one(self) -> "Happening":
        if self.event and self.did:
            raise ValueError(mark("Say either an event or what happened to a message."))
        return self

    @property
    def missing(self) -> tuple[str, ...]:
        """One of the two."""
        return () if self.event or self.did else ("event",)

    @property
    def events(self) -> tuple[str, ...]:
        """Its event."""
        return (self.event,) if self.event else ()

    def wanted(self) -> EventIs | None:
        """The events that are meant, if it is one."""
        return EventIs(event=self.event, where=self.where) if self.event else None


class Duration(Config):
    """A time: days are calendar days or business days, and are never 24 hours on a day that has 23."""

    days: int = Field(default=0, ge=0, le=3650)
    hours: int = Field(default=0, ge=0, le=10_000)
    minutes: int = Field(default=0, ge=0, le=100_000)
    business_days: bool = False

    @property
    def clock(self) -> timedelta:
        """What is measured by the clock, beside its days."""
        return timedelta(hours=self.hours, minutes=self.minutes)

    @property
    def is_nothing(self) -> bool:
        return not (self.days or self.hours or self.minutes)


# --- steps


class Send(Config):
    """Send a template's approved version."""

    needs = ("template_id",)
    template_id: Id | None = None


class UpdateContact(Config):
    """Set fields of the contact: never an address, consent, or what the bank says."""

    needs = ("set",)
    set: dict[str, Scalar | None] = Field(default_factory=dict, max_length=20)


class Tag(Config):
    """Put tags on the contact, and take tags away."""

    add: tuple[str, ...] = Field(default=(), max_length=20)
    remove: tuple[str, ...] = Field(default=(), max_length=20)

    @property
    def missing(self) -> tuple[str, ...]:
        """One of the two."""
        return () if self.add or self.remove else ("add",)


class Webhook(Config):
    """Call a registered destination with the fields it was approved for."""

    needs = ("destination_id",)
    destination_id: Id | None = None


class Wait(Duration):
    """Wait for a time."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Some time."""
        return ("days",) if self.is_nothing else ()


class WaitUntil(Config):
    """Wait until a time of day (on some weekdays), or until `offset_days` from a date of the contact; a past one goes on."""

    at: str | None = Field(default=None, pattern=CLOCK)
    weekdays: tuple[Weekday, ...] = ()
    field: str | None = None
    offset_days: int = Field(default=0, ge=-365, le=365)
    zone: Literal["contact", "organisation"] = "contact"

    @property
    def missing(self) -> tuple[str, ...]:
        """A time or a date."""
        return () if self.at or self.field else ("at",)


class WaitFor(Happening):
    """Wait for something to happen, or for the time to run out: branches `happened` and `timeout`."""

    timeout: Duration = Duration(days=3)
    since: Literal["entry", "arrival"] = "entry"  # from when on what has happened already counts

    @property
    def missing(self) -> tuple[str, ...]:
        """What is waited for, and how long."""
        return (*super().missing, *(("timeout",) if self.timeout.is_nothing else ()))


class Split(Config):
    """The first branch whose condition holds; the last has none, and takes the others."""


class AbSplit(Config):
    """By chance, always the same for a person: every branch has its `percent`, together 100."""


class Goal(Happening):
    """What the flow is for. Whoever does it goes here at once, wherever he is before it, and counts as converted.

    `window_days` is how long after his entry it counts. `then` is whether he goes on behind it.
    """

    window_days: int = Field(default=30, ge=1, le=365)
    then: Literal["exit", "continue"] = "exit"


class Exit(Config):
    """The way ends here."""

    reason: str | None = Field(default=None, max_length=120)


class GoTo(Config):
    """Go on at another step of this flow, at most so many times, or begin another flow."""

    target: str | None = None
    flow_id: Id | None = None
    max_visits: int = Field(default=3, ge=1, le=100)

    @property
    def missing(self) -> tuple[str, ...]:
        """One of the two."""
        return () if self.target or self.flow_id else ("target",)


class Notify(Config):
    """Tell colleagues."""

    needs = ("role", "text")
    role: str | None = None
    text: str | None = Field(default=None, max_length=500)


class Review(Config):
    """A colleague decides: branches `approved` and `rejected`; after the time has run out it is `rejected`."""

    needs = ("role",)
    role: str | None = None
    question: str | None = Field(default=None, max_length=500)
    timeout: Duration = Duration(days=7)


STEPS: Mapping[str, type[Config]] = {
    "send_sms": Send,
    "send_email": Send,
    "update_contact": UpdateContact,
    "tag": Tag,
    "webhook": Webhook,
    "wait": Wait,
    "wait_until": WaitUntil,
    "wait_for": WaitFor,
    "split": Split,
    "ab_split": AbSplit,
    "goal": Goal,
    "exit": Exit,
    "go_to": GoTo,
    "notify": Notify,
    "review": Review,
}
BRANCHES: Mapping[str, Sequence[str]] = {  # of steps whose branches are always the same
    "wait_for": ("happened", "timeout"),
    "review": ("approved", "rejected"),
}
WAITS = frozenset({"wait", "wait_until", "wait_for", "review"})
ENDS = frozenset({"exit", "go_to"})
SENDS = {"send_sms": "sms", "send_email": "email"}


# --- triggers


class Trigger(Config):
    """What begins a run. `reentry`: how often a person may enter; `key`: the property that he may enter once for each value of."""

    reentry: Literal["never", "always"] | Annotated[int, Field(ge=1, le=3650)] = "never"  # a number is of days


class OnEvent(Trigger):
    """An event. Only a verified one, unless `unverified` says that one from a web page is enough."""

    needs = ("event",)
    event: str | None = Field(default=None, pattern=NAME)
    where: Where = Where()
    key: str | None = Field(default=None, max_length=64)
    unverified: bool = False

    @property
    def events(self) -> tuple[str, ...]:
        """Its event."""
        return (self.event,) if self.event else ()


class OnSegment(Trigger):
    """A person enters (or leaves) a segment; `existing`: whoever is in it when the flow is activated, too."""

    needs = ("segment_id",)
    segment_id: Id | None = None
    existing: bool = False


class OnDate(Trigger):
    """A date of the contact's, `offset_days` from it, at a time of day in his zone; `yearly` is a birthday."""

    needs = ("field",)
    field: str | None = None
    offset_days: int = Field(default=0, ge=-365, le=365)
    at: str = Field(default="09:00", pattern=CLOCK)
    yearly: bool = False


class OnSchedule(Trigger):
    """At a time of day, every day, or on some weekdays or days of the month: everybody of a segment."""

    needs = ("segment_id",)
    segment_id: Id | None = None
    at: str = Field(default="09:00", pattern=CLOCK)
    weekdays: tuple[Weekday, ...] = ()
    days: tuple[Annotated[int, Field(ge=1, le=31)], ...] = ()


class OnMessage(Trigger):
    """Something happened to a message: of a campaign, or any. A reply is an inbound SMS; `contains` is a word of it."""

    needs = ("did",)
    did: DID | None = None
    campaign_id: Id | None = None
    contains: str | None = Field(default=None, max_length=60)


class OnCall(Trigger):
    """Another system, or a person, puts somebody in."""


class OnMonth(Trigger):
    """A month of a bank programme was approved: everybody with that outcome."""

    needs = ("programme_id",)
    programme_id: Id | None = None
    outcome: Literal["qualified", "not_qualified"] = "qualified"


TRIGGERS: Mapping[str, type[Trigger]] = {
    "event": OnEvent,
    "segment_enter": OnSegment,
    "segment_leave": OnSegment,
    "date": OnDate,
    "schedule": OnSchedule,
    "message": OnMessage,
    "api": OnCall,
    "month_qualified": OnMonth,
}


# --- the rules of the whole


class Rules(Config):
    """What holds at every step.

    `exits`: whoever does one of these leaves at once. What is later than `late_hours` when it can go on again (after a pause, an
    outage) is treated by `late`. `holdout_percent` enter as a control group that is sent nothing.
    """

    exits: tuple[Happening, ...] = Field(default=(), max_length=5)
    exit_segment_id: Id | None = None  # whoever is in it at a step leaves
    late: Literal["send", "skip", "leave"] = "send"
    late_hours: int = Field(default=24, ge=1, le=24 * 90)
    holdout_percent: Decimal = Field(default=Decimal(0), ge=0, le=50)
