"""The gate looks at a send once more before its messages go over the wire."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.messages import dispatch
from app.domain.messages.claiming import OpenUnit
from app.domain.messages.models import Send
from app.gateways.channels.base import Outgoing
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending


def _pause(send: Send) -> None:
    send.state = "paused"


def _change(send: Send) -> None:
    send.digest = b"another"


def _end(send: Send) -> None:
    send.not_after = clock.now() - timedelta(seconds=1)


@pytest.mark.parametrize("meddle", [_pause, _change, _end], ids=["paused", "another digest", "out of date"])
def test_the_gate_looks_at_the_send_once_more(
    session: Session, run: Run, unit: OpenUnit, meddle: Callable[[Send], None]
) -> None:
    """What was claimed as it was before is given back; what is read again by another digest may go."""
    people.contacts(session, 60)
    sending.account(session)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())

    def then(_message: Outgoing) -> str:
        with unit() as other:
            meddle(other.get_one(Send, send.id))
        return "accept"

    tally = run(Line(then))
    assert tally.sent == 60 if meddle is _change else tally.sent in (dispatch.WINDOW, dispatch.AT_RISK)
    stays = 60 - (dispatch.WINDOW if meddle is _change else tally.sent)
    assert 0 < tally.skipped <= 2 * stays, "claimed ahead once more at most"
