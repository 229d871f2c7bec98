"""Replies in the browser and over the API: read by those who handle them, on the list and on the contact's page."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from app.domain.access import keys
from app.domain.access.models import User
from app.domain.contacts.models import Contact
from app.domain.messages import replies
from app.domain.messages.models import Reply
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Inbound
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown


@pytest.fixture
def reply_id(campaigns: Campaigning) -> UUID:
    with campaigns.bank.unit() as session:
        account = session.execute(select(ProviderAccount)).scalars().first()
        assert account is not None
        replies._keep(session, account, Inbound("k", "+972522000000", "CARILLON", "Call me please", datetime.now(UTC)))
        return session.execute(select(Reply.id)).scalar_one()


def test_a_reply_waits_until_somebody_has_seen_to_it(campaigns: Campaigning, reply_id: UUID) -> None:
    operator, viewer = campaigns.bank.browser("operator"), campaigns.bank.browser("viewer")
    assert "1 reply waits for somebody" in shown(operator.get("/"))
    page = shown(operator.get("/replies"))
    assert "Call me please" in page
    assert "+972•••••00" in page
    assert "Call me" not in shown(viewer.get("/replies"))
    assert viewer.post(f"/replies/{reply_id}/handle", {}).status_code == 403
    row = operator.post(f"/replies/{reply_id}/handle", {}, htmx=True).get_data(as_text=True)
    assert row.lstrip().startswith(f'<tr id="reply-{reply_id}"')
    assert "No reply waits" in shown(operator.get("/replies"))
    assert "Call me" in shown(operator.get("/replies?state=all"))
    assert "waits for somebody" not in shown(operator.get("/"))


def test_it_stands_on_the_page_of_its_contact(campaigns: Campaigning, reply_id: UUID) -> None:
    with campaigns.bank.unit() as session:
        contact_id = session.execute(select(Reply.contact_id)).scalar_one()
        other = session.execute(select(Contact.id).where(Contact.id != contact_id).limit(1)).scalar_one()
    marketer = campaigns.bank.browser("marketer")
    assert "Call me" in shown(marketer.get(f"/contacts/{contact_id}/replies"))
    assert "No replies yet" in shown(marketer.get(f"/contacts/{other}/replies"))


def test_the_api_lists_and_handles(campaigns: Campaigning, reply_id: UUID) -> None:
    bank, client = campaigns.bank, campaigns.bank.app.test_client()
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["operator"].id)
        head = {
            "Authorization": f"Bearer {keys.create(session, user, name='k', scopes=['*'], by=bank.staff['operator'])}"
        }
    [one] = client.get("/api/v1/replies", headers=head).get_json()["data"]
    assert (one["id"], one["text"], one["meaning"]) == (str(reply_id), "Call me please", "other")
    handled = client.post(f"/api/v1/replies/{reply_id}/handle", headers=head).get_json()["data"]
    assert handled["handled_by"] == str(bank.staff["operator"].id)
    assert client.get("/api/v1/replies", headers=head).get_json()["data"] == []
