"""The figures of a month for whoever was not there: how many, why not, how it moved, how long it took. It names nobody.

Outcomes count as they stand, with the words people put against them; of sending, messages/totals.py says everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Date, Float, Text, and_, case, cast, func, literal, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.domain.bank import balances, outcomes
from app.domain.bank.balances import month_of
from app.domain.bank.models import Balance, BalanceDay, Notice, Outcome, Override, QualificationRun
from app.domain.bank.outcomes import NEARLY, STANDS, standing
from app.domain.consent.models import ConsentState
from app.domain.messages.models import Attempt, Message, Reply, Send
from app.domain.messages.sends import messages_of
from app.domain.messages.states import HANDED_OVER, OPEN
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Category

FEW = 5  # days; more are many
AGREED = timedelta(days=730)  # a consent that is older should be asked for anew
REASONS = ("below_1", "below_few", "below_many", "missing_1", "missing_few", "missing_many", "opened", "overridden")


@dataclass(frozen=True)
class Taking:
    """How the balances of a month were taken: its days, the records kept, what was wrong with some, and the seconds a day took."""

    days: int
    taken: int
    failed: int
    records: int
    issues: int
    slowest: float | None
    usual: float | None


@dataclass(frozen=True)
class Timing:
    """When the messages of a release were handed over, in how many attempts, and the seconds until a receipt said delivered."""

    first: datetime | None = None
    last: datetime | None = None
    attempts: int = 0
    usual: float | None = None
    slow: float | None = None  # nine of ten were quicker


def totals(session: Session, run: QualificationRun, *, by: Actor) -> dict[str, int]:
    """How many customers there are and what became of them, as it stands."""
    require(by, "bank:read")
    return outcomes.totals(session, run)


def reasons(session: Session, run: QualificationRun, *, by: Actor) -> dict[str, dict[str, int]]:
    """Why those who did not qualify did not, and why of others nobody knows: by outcome and one of REASONS; adds up to both."""
    require(by, "bank:read")
    missing = func.cardinality(Outcome.missing)
    below = Outcome.days_required - Outcome.days_passed - missing
    days = case((Outcome.outcome == "indeterminate", missing), else_=below)
    size = case((days <= 1, "1"), (days <= FEW, "few"), else_="many")
    kind = case((Outcome.outcome == "indeterminate", "missing_"), else_="below_")
    opened = Outcome.opened_on.is_not(None), days == 0
    why = case(
        (Override.id.is_not(None), literal("overridden", Text)),
        (and_(*opened), literal("opened", Text)),
        else_=func.concat(kind, size),
    ).label("why")
    query = standing(run.id, STANDS, why, func.count()).where(STANDS != "qualified").group_by(STANDS, why)
    found: dict[str, dict[str, int]] = {"not_qualified": {}, "indeterminate": {}}
    for outcome, name, count in session.execute(query).all():
        found[outcome][name] = count
    return {outcome: {name: had[name] for name in REASONS if name in had} for outcome, had in found.items()}


def near(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many missed by a day."""
    require(by, "bank:read")
    missed = Outcome.days_required - Outcome.days_passed - func.cardinality(Outcome.missing)
    query = standing(run.id, func.count()).where(STANDS == "not_qualified", missed.between(1, NEARLY))
    return int(session.execute(query).scalar_one())


def month_before(
    session: Session, run: QualificationRun, *, by: Actor
) -> tuple[QualificationRun, dict[str, int]] | None:
    """The newest run of an earlier month, and its totals as they stand; None for the first."""
    require(by, "bank:read")
    before = outcomes.month_before(session, run)
    return (before, outcomes.totals(session, before)) if before else None


def missing_days(session: Session, run: QualificationRun, *, by: Actor) -> list[tuple[date, int]]:
    """The days without a value and how many customers had none, the worst first."""
    require(by, "bank:read")
    day, count = func.unnest(Outcome.missing, type_=Date).label("day"), func.count()
    each = select(day).where(Outcome.run_id == run.id).subquery()
    query = select(each.c.day, count).group_by(each.c.day).order_by(count.desc(), each.c.day)
    return [(one, number) for one, number in session.execute(query).all()]


def lately(session: Session, run: QualificationRun, months: int, *, by: Actor) -> list[QualificationRun]:
    """The run and what stands of the months before it, the newest first, so many months in all."""
    require(by, "bank:read")
    return outcomes.lately(session, run, months)


def corrected_since(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many customers' balances of the month were corrected after it was released."""
    require(by, "bank:read")
    first, after = month_of(run.month)
    # Nearly always there are none; then a mark a day says so, and millions of balances are not read.
    if run.released_at is None or not balances.came_since(session, first, after, run.released_at):
        return 0
    late = Balance.day >= first, Balance.day < after, Balance.taken_at > run.released_at, Balance.is_current
    return int(session.execute(select(func.count(func.distinct(Balance.contact_id))).where(*late)).scalar_one())


def stopped(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many of those who were told answered STOP since."""
    require(by, "bank:read")
    if run.released_at is None:
        return 0
    told = select(Notice.contact_id).where(Notice.run_id == run.id)
    said = Reply.contact_id.in_(told), Reply.meaning == "stop", Reply.received_at >= run.released_at
    return int(session.execute(select(func.count(func.distinct(Reply.contact_id))).where(*said)).scalar_one())


def most_overrides(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many of the overrides that stand are one person's, the one with most."""
    require(by, "bank:read")
    each = select(func.count().label("number")).where(Override.run_id == run.id, Override.withdrawn_at.is_(None))
    query = select(func.coalesce(func.max(each.group_by(Override.created_by).subquery().c.number), 0))
    return int(session.execute(query).scalar_one())


def taking(session: Session, run: QualificationRun, *, by: Actor) -> Taking:
    """How the balances of the month were taken."""
    require(by, "bank:read")
    first, after = month_of(run.month)
    took = func.extract("epoch", BalanceDay.taken_at - BalanceDay.asked_at)
    query = select(
        func.count().filter(BalanceDay.state == "taken"),
        func.count().filter(BalanceDay.state == "failed"),
        func.coalesce(func.sum(BalanceDay.kept), 0),
        func.coalesce(func.sum(BalanceDay.issues), 0),
        cast(func.max(took), Float),
        func.percentile_cont(0.5).within_group(took),
    ).where(BalanceDay.day >= first, BalanceDay.day < after)
    return Taking((after - first).days, *session.execute(query).one())


def timing(session: Session, run: QualificationRun, *, by: Actor) -> Timing:
    """How long the sending of a release took."""
    require(by, "bank:read")
    sends = _sends(session, run)
    if not sends:
        return Timing()
    arrived = func.extract("epoch", Message.final_at - Message.sent_at)
    usual, slow = (
        func.percentile_cont(part).within_group(arrived).filter(Message.state == "delivered") for part in (0.5, 0.9)
    )
    times = func.min(Message.sent_at), func.max(Message.sent_at), func.coalesce(func.sum(Message.attempts), 0)
    return Timing(*session.execute(select(*times, usual, slow).where(messages_of(sends))).one())


@dataclass(frozen=True)
class Carried:
    """What an account carried of a release: messages that were handed over to it, and those of them that arrived."""

    account: str
    handed_over: int
    delivered: int


def carried(session: Session, run: QualificationRun, *, by: Actor) -> list[Carried]:
    """Which account carried how much, by name."""
    require(by, "bank:read")
    own, arrived = messages_of(_sends(session, run)), func.count().filter(Message.state == "delivered")
    query = (
        select(ProviderAccount.name, func.count(), arrived)
        .join(Message, Message.provider_account_id == ProviderAccount.id)
        .where(own, Message.state.in_(HANDED_OVER))
        .group_by(ProviderAccount.name)
        .order_by(ProviderAccount.name)
    )
    return [Carried(*row) for row in session.execute(query).all()]


def put_off(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many attempts a provider put off because it was to go slower."""
    require(by, "bank:read")
    sends = _sends(session, run)
    if not sends:
        return 0
    # Attempts are of the partitions of their messages, and of none before the first.
    since = Attempt.occurrence_id >= min(send.first_occurrence for send in sends)
    same = (Attempt.occurrence_id == Message.occurrence_id) & (Attempt.message_id == Message.id) & since
    slow = Attempt.outcome == "not_sent", Attempt.category == Category.QUOTA_EXCEEDED
    query = select(func.count()).select_from(Message).join(Attempt, same).where(messages_of(sends), *slow)
    return int(session.execute(query).scalar_one())


def old_consents(session: Session, run: QualificationRun, *, by: Actor) -> int:
    """How many of those who were written to agreed so long ago; only marketing needs that they did."""
    require(by, "bank:read")
    sends = _sends(session, run)
    given = ConsentState.contact_id == Message.contact_id, ConsentState.channel == Message.channel
    old = ConsentState.purpose == "marketing", ConsentState.state == "granted", ConsentState.at < clock.now() - AGREED
    asked = [send for send in sends if send.message_class == "marketing"]
    query = select(func.count()).select_from(Message).join(ConsentState, and_(*given)).where(messages_of(asked), *old)
    return int(session.execute(query.where(Message.state.in_(HANDED_OVER))).scalar_one())


def ended_at(session: Session, run: QualificationRun, *, by: Actor) -> datetime | None:
    """When the last message of a release had its end; None while one has none yet."""
    require(by, "bank:read")
    still = func.count().filter(Message.state.in_((*OPEN, "in_doubt", "sent")))
    own = messages_of(_sends(session, run))
    number, last = session.execute(select(still, func.max(Message.final_at)).where(own)).one()
    return None if number else last


def _sends(session: Session, run: QualificationRun) -> Sequence[Send]:
    return session.execute(select(Send).where(Send.source_id == run.id)).scalars().all()


def seconds(begin: datetime | None, end: datetime | None) -> float | None:
    """From one moment to another; None while one of them is not known."""
    return (end - begin) / timedelta(seconds=1) if begin and end else None


def not_told(run: QualificationRun, qualified: int, messages: int) -> dict[str, int]:
    """Those who qualified and have no message: told of the month before, or not come to yet; with the messages they are all."""
    already = int((run.told or {}).get("already_told", 0))
    found = {"already_told": already, "not_yet": qualified - messages - already}
    return {name: number for name, number in found.items() if number}


def people_of(run: QualificationRun, decided: Sequence[UUID | None]) -> list[UUID]:
    """Everybody who had a hand in a run, for their names."""
    return [one for one in {run.created_by, run.released_by, *decided} if one]
