"""Every name a list takes in its query narrows the list: a filter that is dropped would show everything."""

from datetime import timedelta
from functools import partial
from io import BytesIO
from operator import eq
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.settings import Settings
from app.domain.audit import trail
from app.domain.contacts.models import Contact
from app.domain.messages import replies
from app.domain.messages.models import Message, Reply
from app.domain.providers.models import ProviderAccount
from app.domain.transfer import imports
from app.factory import create_app
from app.gateways.channels.base import Inbound
from tests.api.test_contacts import Caller
from tests.conftest import NUMBER, WORKER
from tests.factories import sending
from tests.servers.throwaway import Servers
from tests.web.campaigning import ROLES, Campaigning, campaigning
from tests.web.pages import house

Row = dict[str, Any]
PEOPLE: list[Row] = [
    {"external_id": "noa-1", "email": "noa@mail.example", "phone": "052-3000001", "tags": ["vip"], "groups": ["Acre"]},
    {"external_id": "gal-2", "email": "gal@mail.example", "phone": "052-3000002"},
    {"external_id": "gone-3"},
]
WHERE = {"version": 1, "where": {"all": [{"kind": "field", "field": "external_id", "op": "eq", "value": "noa-1"}]}}


class Full:
    """A bank in which every list has something that a filter finds and something that it leaves out."""

    def __init__(self, campaigns: Campaigning) -> None:
        self.bank = campaigns.bank
        self.callers = {role: Caller(campaigns.bank, role) for role in ("marketer", "owner", "operator", "auditor")}
        self.known = {"campaign": str(campaigns.launched(name="Savings offer"))}
        campaigns.draft(name="Another thing")
        campaigns.submitted(name="One that waits")
        data = self.callers["marketer"].data
        for person in PEOPLE:
            self.known[person["external_id"]] = data("POST", "/contacts", person)["id"]
        assert self.callers["marketer"]("DELETE", f"/contacts/{self.known['gone-3']}").status_code == 204
        for name in ("Near the sea", "Far away", "Sea of old"):
            self.known[name] = data("POST", "/segments", {"name": name, "definition": WHERE})["id"]
        assert self.callers["marketer"]("DELETE", f"/segments/{self.known['Sea of old']}").status_code == 204
        for name, channel, kind in (
            ("Sea text", "sms", "marketing"),
            ("Bill", "sms", "service"),
            ("Mail", "email", "service"),
        ):
            texts = {"en": {"subject": "Hello", "body": sending.MJML} if channel == "email" else {"body": "Hello"}}
            data("POST", "/templates", {"name": name, "channel": channel, "message_class": kind, "texts": texts})
        for channel, address in (
            ("sms", "+972523000009"),
            ("email", "no@mail.example"),
            ("email", "never@mail.example"),
        ):
            data("POST", "/suppressions", {"channel": channel, "address": address, "reason": "manual"})
        for state, whose in (("granted", "noa-1"), ("withdrawn", "noa-1"), ("granted", "gal-2")):
            said = {"channels": ["sms"], "state": state, "basis": "call"}
            data("POST", f"/contacts/{self.known[whose]}/consents", said)
        data("POST", "/reports/campaign/run", {"campaign_id": self.known["campaign"]})
        with self.bank.unit() as session:
            self._write_by_hand(session)

    def _write_by_hand(self, session: Session) -> None:
        """What takes time, or a provider: messages of a month ago, an import, replies, one of them handled."""
        long_ago, now = clock.now() - timedelta(days=30), clock.now()
        oldest = session.execute(select(Message).order_by(Message.id).limit(1)).scalar_one()
        oldest.created_at, self.known["wrote to"] = long_ago, str(oldest.contact_id)
        other = session.execute(select(Message).where(Message.contact_id != oldest.contact_id).limit(1)).scalar_one()
        values = {"channel": "email", "state": "skipped", "rank": 90, "reason": "suppressed"}
        session.execute(update(Message).where(Message.id == other.id).values(values))
        session.execute(
            update(Contact).where(Contact.id == self.known["gal-2"]).values(updated_at=long_ago, status="bounced")
        )
        with clock.at(long_ago):
            trail.record(session, self.bank.staff["marketer"], "template.shown", ("template", oldest.id))
        account = session.execute(select(ProviderAccount)).scalars().first()
        assert account is not None
        for key, number in (("a", "+972522000000"), ("b", "+972522000001"), ("c", "+972522000002")):
            replies._keep(session, account, Inbound(key, number, "CARILLON", "Call me", now))
        first, second = session.execute(select(Reply).order_by(Reply.id).limit(2)).scalars()
        self.known["replied"], first.handled_at = str(second.contact_id), now
        imports.upload(session, "people.csv", BytesIO(b"id\n1\n"), by=self.bank.staff["marketer"])

    def __call__(self, role: str, path: str) -> list[Row]:
        rows: list[Row] = self.callers[role].data("GET", path)
        return rows


@pytest.fixture(scope="module")
def full(servers: Servers) -> Full:
    name = f"filters_{WORKER}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=NUMBER))
    return Full(campaigning(house(create_app(settings), settings, roles=ROLES)))


LATELY = f"{clock.now() - timedelta(days=3):%Y-%m-%d}"
# List, filter, what every row that is found has: a field and its value, or a test of the row.
CASES: list[tuple[str, str, str, object]] = [
    ("/contacts", "q=gal", "external_id", "gal-2"),
    ("/contacts", "q=gal@mail.example", "external_id", "gal-2"),
    ("/contacts", "q=052-3000002", "external_id", "gal-2"),
    ("/contacts", "email=noa@mail.example", "external_id", "noa-1"),
    ("/contacts", "phone=052-3000001", "external_id", "noa-1"),
    ("/contacts", "external_id=noa-1", "external_id", "noa-1"),
    ("/contacts", "tag=vip", "external_id", "noa-1"),
    ("/contacts", "group=Acre", "external_id", "noa-1"),
    ("/contacts", "status=bounced", "external_id", "gal-2"),
    ("/contacts", "segment={Near the sea}", "external_id", "noa-1"),
    ("/contacts", "deleted=true", "external_id", "gone-3"),
    ("/campaigns", "q=savings", "name", "Savings offer"),
    ("/campaigns", "state=draft", "name", "Another thing"),
    ("/segments", "q=sea", "name", "Near the sea"),
    ("/segments", "archived=1", "name", "Sea of old"),
    ("/templates", "q=sea", "name", "Sea text"),
    ("/templates", "channel=email", "name", "Mail"),
    ("/templates", "message_class=service", "message_class", "service"),
    ("/messages", "campaign={campaign}&channel=sms", "channel", "sms"),
    ("/messages", "contact={wrote to}", "contact_id", "{wrote to}"),
    ("/messages", "state=skipped", "state", "skipped"),
    ("/messages", "reason=no_consent", "reason", "no_consent"),
    ("/messages", "channel=email", "channel", "email"),
    ("/campaigns/{campaign}/messages", "state=queued", "state", "queued"),
    ("/campaigns/{campaign}/messages", "reason=suppressed", "reason", "suppressed"),
    ("/campaigns/{campaign}/messages", "channel=email", "channel", "email"),
    ("/campaigns/{campaign}/skips", "reason=no_consent", "reason", "no_consent"),
    ("/campaigns/{campaign}/skips", "channel=sms", "channel", "sms"),
    ("/consents", "contact={gal-2}", "contact_id", "{gal-2}"),
    ("/consents", "state=withdrawn", "state", "withdrawn"),
    ("/suppressions", "channel=sms", "channel", "sms"),
    ("/suppressions", "address=no@mail.example", "address", "no@mail.example"),
    ("/jobs", "kind=import", "kind", "import"),
    ("/jobs", "kind=report", "kind", "report"),
    ("/approvals", "state=approved", "state", "approved"),
    ("/replies", "contact={replied}", "contact_id", "{replied}"),
    ("/audit", "action=campaign.", "action", lambda action: action.startswith("campaign.")),
    ("/audit", f"until={LATELY}", "at", lambda at: at < LATELY),
    ("/audit", f"from={LATELY}", "at", lambda at: at > LATELY),
]


def role_of(path: str) -> str:
    return {"/audit": "auditor", "/jobs": "owner"}.get(path, "marketer")


@pytest.mark.parametrize(("path", "query", "field", "value"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_a_filter_narrows_its_list(full: Full, path: str, query: str, field: str, value: Any) -> None:
    role, path, query = role_of(path), path.format(**full.known), query.format(**full.known)
    everything, found = full(role, f"{path}?per_page=100"), full(role, f"{path}?per_page=100&{query}")
    wanted = value if callable(value) else partial(eq, value.format(**full.known))
    assert found
    assert all(wanted(row[field]) for row in found)
    if "archived" not in query and "deleted" not in query:
        assert [row for row in everything if wanted(row[field])] == found
        assert len(found) < len(everything)


def test_nothing_a_list_takes_is_left_out_here(full: Full) -> None:
    tried = {(path, part.partition("=")[0]) for path, query, _, _ in CASES for part in query.split("&")}
    apart = {("/contacts", "updated_since"), ("/messages", "since"), ("/replies", "state")}  # below
    run = "/bank/runs/<uuid:run_id>/outcomes"  # tests/web/test_bank.py
    apart |= {(run, "outcome"), (run, "external_id"), (run, "which")}
    apart |= {
        ("/bank/forecast/customers", name) for name in ("standing", "programme")
    }  # tests/web/test_bank_forecast.py
    apart |= {
        ("/segments/<uuid:segment_id>/moves", name) for name in ("entered", "whole")
    }  # tests/api/test_segments.py
    apart |= {("/contacts/<uuid:contact_id>/history", "kind")}  # tests/domain/timeline/test_history.py
    apart |= {
        ("/bank/runs/<uuid:run_id>/events", name) for name in ("type", "since")
    }  # tests/domain/bank/test_stream.py
    apart |= {("/events", "event")}  # tests/web/test_events.py
    apart |= {("/flows/decisions", "flow")}  # tests/web/test_flow_decisions.py
    apart |= {("/flows", "q"), ("/flows", "state")}  # tests/api/test_flows.py
    apart |= {("/flows/<uuid:flow_id>/runs", name) for name in ("contact", "state", "step")}  # tests/api/test_flows.py
    for rule in full.bank.app.url_map.iter_rules():
        view = full.bank.app.view_functions[rule.endpoint]
        path = rule.rule.removeprefix("/api/v1").replace("<uuid:campaign_id>", "{campaign}")
        if rule.rule.startswith("/api/v1") and "cursor" in getattr(view, "asks", ()):
            for name in view.asks - {"cursor", "per_page"}:  # type: ignore[attr-defined]
                assert (path, name) in tried | apart, (path, name)


@pytest.mark.parametrize(
    ("path", "name", "field"), [("/contacts", "updated_since", "updated_at"), ("/messages", "since", "created_at")]
)
def test_what_changed_lately(full: Full, path: str, name: str, field: str) -> None:
    everything, found = (
        full("marketer", f"{path}?per_page=100"),
        full("marketer", f"{path}?per_page=100&{name}={LATELY}T00:00:00Z"),
    )
    assert found == [row for row in everything if row[field] > LATELY]
    assert len(found) < len(everything)


def test_replies_that_were_seen_to_are_listed_when_asked_for(full: Full) -> None:
    waiting, everything = full("operator", "/replies"), full("operator", "/replies?state=all")
    assert waiting == [row for row in everything if row["handled_at"] is None]
    assert (len(waiting), len(everything)) == (2, 3)
