"""/messages from outside: one message with everything that is known of it, and the settling of a doubt."""

import pytest

from app.gateways.channels.base import InDoubt, Outgoing
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.conftest import campaigns, page_app, page_settings

__all__ = ["campaigns", "page_app", "page_settings"]


def doubtful(message: Outgoing) -> InDoubt | None:
    return InDoubt("no answer") if message.to.endswith("01") else None


@pytest.fixture
def sent(campaigns: Campaigning) -> Campaigning:
    """Twelve messages, one of them in doubt."""
    campaigns.launched()
    campaigns.dispatch(doubtful)
    return campaigns


def one(campaigns: Campaigning, state: str) -> str:
    return str(campaigns.messages(state=state)[0])


def test_a_message_comes_with_its_attempts_and_its_words(sent: Campaigning) -> None:
    message_id = one(sent, "sent")
    out = Caller(sent.bank, "viewer").data("GET", f"/messages/{message_id}")
    assert (out["id"], out["state"], out["channel"], out["receipts"], out["traces"]) == (
        message_id,
        "sent",
        "sms",
        [],
        [],
    )
    [attempt] = out["attempts_made"]
    assert (attempt["number"], attempt["outcome"], attempt["error"]) == (1, "accepted", None)
    assert attempt["provider_reference"] == out["provider_reference"]
    assert out["text"]["is_masked"]
    assert "Hello Dana" not in out["text"]["body"]
    clear = Caller(sent.bank, "marketer").data("GET", f"/messages/{message_id}")["text"]
    assert (clear["is_masked"], clear["language"], clear["sender"]) == (False, "en", "CARILLON")
    assert clear["body"].startswith("Advertisement. Hello Dana")
    assert clear["to"].startswith("+97252")


def test_one_that_was_never_made_or_is_of_another_bank_is_not_there(sent: Campaigning) -> None:
    marketer = Caller(sent.bank, "marketer")
    assert marketer("GET", "/messages/01a2214d-747b-7d33-9a0e-4f4ea2a85b44").status_code == 404


def test_a_message_without_words_says_none(campaigns: Campaigning) -> None:
    campaigns.launched()
    assert Caller(campaigns.bank, "marketer").data("GET", f"/messages/{one(campaigns, 'skipped')}")["text"] is None


@pytest.mark.parametrize(("as_", "state"), [("sent", "sent"), ("again", "queued")])
def test_a_doubt_is_settled_once(sent: Campaigning, as_: str, state: str) -> None:
    message_id, operator = one(sent, "in_doubt"), Caller(sent.bank, "operator")
    assert operator("POST", f"/messages/{message_id}/resolve", {"as": "maybe"}).status_code == 422
    assert Caller(sent.bank, "viewer")("POST", f"/messages/{message_id}/resolve", {"as": as_}).status_code == 403
    assert operator.data("POST", f"/messages/{message_id}/resolve", {"as": as_})["state"] == state
    again = operator("POST", f"/messages/{message_id}/resolve", {"as": as_})
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "CONFLICT")
