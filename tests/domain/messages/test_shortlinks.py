"""Short links of SMS: they lead to their message and nowhere else."""

import re
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.links import EXAMPLE_CODE, Links
from app.core.unit import settings_of
from app.domain.access.models import Organisation
from app.domain.content import sms
from app.domain.messages import shortlinks, tracking
from app.domain.messages.models import Message, ShortLink
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending

BODY = "Advertisement. A better deposit awaits you at our branch until Friday. To stop: {{ unsubscribe_url }}"


def test_each_text_has_a_link_of_its_own_that_finds_its_message(
    session: Session, run: Run, organisation: Organisation
) -> None:
    people.contacts(session, 3)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session, BODY, message_class="marketing"), uuid4())
    line = Line()
    run(line)
    base = re.escape(settings_of(session).base_url)
    tokens = [re.search(rf"{base}/u/([\w-]{{11}})$", message.text or "") for message in line.taken]
    targets = [shortlinks.find(session, found.group(1)) for found in tokens if found]
    assert {target.message_id for target in targets if target} == set(session.execute(select(Message.id)).scalars())
    assert {target.organisation_id for target in targets if target} == {organisation.id}
    assert sms.measure(line.taken[0].text or "").parts == 1
    assert targets[0]
    assert tracking.unsubscribed(session, targets[0], "a browser", ip=None)


def test_a_text_without_one_keeps_none(session: Session, run: Run) -> None:
    people.contacts(session, 2)
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(Line())
    assert session.execute(select(func.count()).select_from(ShortLink)).scalar() == 0


@pytest.mark.usefixtures("organisation")
@pytest.mark.parametrize("token", ["", "a", EXAMPLE_CODE, "AAAAAAAAAAA", "%%%%%%%%%%%", "x" * 200, "שלום שלום א"])
def test_what_is_no_link_of_ours_leads_nowhere(session: Session, token: str) -> None:
    assert shortlinks.find(session, token) is None


@pytest.mark.usefixtures("organisation")
def test_an_example_is_as_long_as_a_true_link(session: Session) -> None:
    links = Links(settings_of(session))
    assert len(links.example()) == len(links.short(-(2**63))) == len(links.short(2**63 - 1))
