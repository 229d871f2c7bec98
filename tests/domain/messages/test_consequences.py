"""The same fact has the same effect, told in the answer or by a receipt: who does not exist is never written to again."""

from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.consent import suppression
from app.domain.consent.models import Suppression
from app.domain.messages.outcomes import consequence
from app.gateways.channels.base import Accepted, Category, Outgoing, Rejected
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending


class Refusing(Line):
    """A provider that refuses one address for a reason, in its answer."""

    def __init__(self, category: Category) -> None:
        super().__init__()
        self.category = category

    async def send_one(self, message: Outgoing) -> Accepted:
        if message.to == "+972522000001":
            raise Rejected("refused", category=self.category)
        return await super().send_one(message)


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        (Category.INVALID_NUMBER, "hard_bounce"),
        (Category.OPTED_OUT, "opt_out"),
        (Category.FILTERED, None),
        (Category.UNDELIVERABLE, None),
    ],
)
def test_a_refusal_in_the_answer_is_obeyed_at_the_next_campaign(
    session: Session, run: Run, category: Category, reason: str | None
) -> None:
    people.contacts(session, 3)
    sending.account(session)
    template = sending.sms_template(session)
    sending.send_to_everybody(session, template, uuid4())
    assert run(Refusing(category)).rejected == 1
    rows = session.execute(select(Suppression)).scalars().all()
    assert [(row.channel, row.reason, row.source) for row in rows] == ([("sms", reason, "provider")] if reason else [])
    sending.send_to_everybody(session, template, uuid4())
    run(Line())
    assert states(session).get("suppressed", 0) == bool(reason)


@pytest.mark.parametrize(
    ("kind", "category", "reason"),
    [
        ("bounced", None, "hard_bounce"),
        ("bounced", "undeliverable", "hard_bounce"),
        ("bounced", "invalid_number", "hard_bounce"),
        ("bounced", "quota_exceeded", None),
        ("failed", "invalid_number", "hard_bounce"),
        ("failed", "provider_error", None),
        ("undeliverable", "timeout", None),
        ("failed", "opted_out", "opt_out"),
        ("complained", None, "complaint"),
        ("rejected", "invalid_number", "hard_bounce"),
        ("rejected", "quota_exceeded", None),
        ("delivered", None, None),
    ],
)
def test_what_a_fact_means_for_the_address(kind: str, category: str | None, reason: str | None) -> None:
    assert consequence(kind, category) == reason


@pytest.mark.parametrize(
    ("reason", "service", "marketing"),
    [
        ("opt_out", "sent", "no"),
        ("complaint", "no", "no"),
        ("hard_bounce", "no", "no"),
        ("legal", "no", "no"),
        ("manual", "no", "no"),
    ],
)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_opt_out_ends_marketing_and_nothing_else(
    session: Session, run: Run, reason: str, service: str, marketing: str, when: str
) -> None:
    people.contacts(session, 2)
    sending.account(session)
    for message_class in ("service", "marketing"):
        template = sending.sms_template(session, "Hello", message_class=message_class)
        if when == "before":
            suppression.suppress(session, "+972522000001", channel="sms", reason=reason, source="test")
        send = sending.send_to_everybody(session, template, uuid4())
        suppression.suppress(session, "+972522000001", channel="sms", reason=reason, source="test")
        line = Line()
        run(line)
        reached = "sent" if "+972522000001" in {one.to for one in line.taken} else "no"
        assert reached == (service if message_class == "service" else marketing), send.message_class


def test_what_stops_everything_wins_and_the_refusal_is_not_forgotten(session: Session, run: Run) -> None:
    for reason in ("opt_out", "hard_bounce", "opt_out", "legal"):
        suppression.suppress(session, "+972522000001", channel="sms", reason=reason, source=reason)
    suppression.suppress(session, "+972522000002", channel="sms", reason="hard_bounce", source="provider")
    suppression.suppress(session, "+972522000002", channel="sms", reason="opt_out", source="reply")
    for reason in ("manual", "complaint"):
        suppression.suppress(session, "+972522000003", channel="sms", reason=reason, source=reason)
    *rows, complained = session.execute(select(Suppression).order_by(Suppression.id)).scalars().all()
    assert (complained.reason, suppression.takes_two(complained)) == ("manual", True)
    assert [(row.reason, row.source, row.is_refused) for row in rows] == [
        ("legal", "legal", True),
        ("hard_bounce", "provider", True),
    ]
    assert suppression.takes_two(rows[0])
