"""The campaigns of the demonstration bank: three that have ended, one that is scheduled, one that waits for approval."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from app.demo import mail
from app.demo.bank import ZONE, Bank, Step, When, working
from app.domain.campaigns import drafts, launch, lifecycle
from app.domain.campaigns.drafts import Audience, CampaignInput

READING = 5  # days a mail is read in


@dataclass(frozen=True)
class Told:
    """A campaign as its author tells it: to whom, and with which texts."""

    key: str
    name: str
    description: str
    segment: str
    texts: str
    is_followed: bool = True  # a service mail tells nobody that it was opened


DEPOSIT = Told(
    "deposit", "Deposit offer, 4.2% for a year", "To savers who could earn more than they do.", "savers", "deposit"
)
CARD = Told(
    "card",
    "New cards are at the branches",
    "A service notice: no consent is needed for it.",
    "young",
    "card",
    is_followed=False,
)
PENSION = Told(
    "pension", "Pension evening at the branch", "An invitation; the branches count the seats.", "retired", "pension"
)
SEATS = Told("seats", "Pension evening, the last seats", "Once more, shortly before.", "retired", "pension")
AGAIN = Told(
    "again", "Deposit offer, a second look", "To those who read the first one and did not go on.", "readers", "deposit"
)
ENDED = ((DEPOSIT, When(12, 10)), (CARD, When(9, 9, 30)), (PENSION, When(4, 10, 30)))
SCHEDULED = When(2, 15)
AHEAD = 3  # days until the scheduled one goes out
WAITING = timedelta(hours=2)


def story(bank: Bank) -> list[Step]:
    """What happened, in any order."""
    if not (bank.settings.sandbox_url and bank.settings.sandbox_smtp):
        return []  # without a provider nothing can be sent, nor approved
    steps = [step for told, when in ENDED for step in _ended(bank, told, bank.moment(when))]
    steps += [
        (bank.moment(SCHEDULED), partial(_submit, bank, SEATS, scheduled=True)),
        (
            bank.moment(SCHEDULED) + timedelta(minutes=35),
            partial(_approve, bank, SEATS, "Seats are left in every branch."),
        ),
        (bank.now - WAITING, partial(_submit, bank, AGAIN)),
    ]
    return steps


def _ended(bank: Bank, told: Told, asked: datetime) -> list[Step]:
    """Asked for, approved, launched; SMS at once, e-mail next morning if it may go then; read for some days."""
    approved = asked + timedelta(minutes=40)
    morning = approved + timedelta(hours=23)
    steps: list[Step] = [
        (asked, partial(_submit, bank, told)),
        (approved, partial(_approve, bank, told, "Read, text by text.")),
        (approved + timedelta(minutes=1), partial(_launch, bank, told)),
    ]
    for channel, moment, later in (
        ("sms", approved + timedelta(minutes=2), None),
        ("email", approved + timedelta(minutes=5), morning),
        ("email", morning, None),
    ):
        steps.append((moment, partial(mail.send, bank, channel, later=later)))
        steps.append((moment + timedelta(minutes=20), partial(mail.confirm, bank, told.key, channel)))
    days = (morning + timedelta(days=day) for day in range(READING))
    steps += [
        (day + timedelta(hours=1), partial(mail.read, bank, told.key, number))
        for number, day in enumerate(days)
        if told.is_followed
    ]
    return [(moment, act) for moment, act in steps if moment < bank.now]


def _submit(bank: Bank, told: Told, *, scheduled: bool = False) -> None:
    day = working(bank.now.astimezone(ZONE).date() + timedelta(days=AHEAD), 1)
    new = CampaignInput(
        name=told.name,
        description=told.description,
        audience=Audience(segments=(bank.segments[told.segment],)),
        sms_template_id=bank.texts[f"{told.texts}-sms"],
        email_template_id=bank.texts[f"{told.texts}-email"],
        scheduled_at=datetime.combine(day, time(10), ZONE) if scheduled else None,
    )
    with bank.by("marketer") as (session, by):
        bank.campaigns[told.key] = drafts.create(session, new, by=by).id
        lifecycle.submit(session, bank.campaigns[told.key], by=by)


def _approve(bank: Bank, told: Told, note: str) -> None:
    with bank.by("admin") as (session, by):
        lifecycle.approve(session, bank.campaigns[told.key], note=note, by=by)


def _launch(bank: Bank, told: Told) -> None:
    with bank.open_unit() as session:
        launch.launch(session, bank.campaigns[told.key])
