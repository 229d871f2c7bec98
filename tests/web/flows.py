"""A bank with flows, and its editor as a browser without script sees it."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from app.core import clock
from app.domain.flows import drafts, lifecycle
from app.domain.flows.definition import parse
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow, FlowRun
from app.domain.segments import library as segments
from app.domain.segments.library import SegmentInput
from tests.factories import people, sending
from tests.web.campaigning import Campaigning
from tests.web.pages import Browser, House


class Flows:
    """The marketer's flow, and what he does with it."""

    def __init__(self, campaigns: Campaigning) -> None:
        self.bank: House = campaigns.bank
        self.code = campaigns.code
        with self.bank.unit() as session:
            self.template = sending.sms_template(session, "Welcome to the bank.", message_class="service").id
            where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
            by = self.bank.staff["operator"]
            self.segment = segments.create(
                session, SegmentInput(name="Haifa", definition=where), by=system_of(self.bank)
            ).id
            assert by
        self.id = self.made("Welcome", self.plain())

    def plain(self) -> dict[str, Any]:
        return {
            "trigger": {"type": "segment_enter", "config": {"segment_id": str(self.segment)}},
            "lane": [
                {"id": "s1", "type": "send_sms", "config": {"template_id": str(self.template)}},
                {"id": "s2", "type": "wait", "config": {"days": 3}},
                {"id": "s3", "type": "exit"},
            ],
        }

    def made(self, name: str, definition: dict[str, Any]) -> UUID:
        with self.bank.unit("marketer") as session:
            return drafts.create(
                session, FlowInput(name=name, definition=definition), by=self.bank.staff["marketer"]
            ).id

    @property
    def url(self) -> str:
        return f"/flows/{self.id}"

    def flow(self) -> Flow:
        with self.bank.unit() as session:
            return session.get_one(Flow, self.id)

    def steps(self) -> list[str]:
        return [step.id for step in parse(self.flow().definition).steps()]

    def maya(self) -> Browser:
        return self.bank.browser("marketer")

    def op(self, browser: Browser, op: str, **values: Any) -> Any:
        revision = values.pop("revision", self.flow().revision)
        return browser.post(f"{self.url}/ops", {"op": op, "revision": revision, **values}, htmx=True)

    def active(self) -> None:
        with self.bank.unit("marketer") as session:
            lifecycle.submit(session, self.id, by=self.bank.staff["marketer"])
        with self.bank.unit("admin") as session:
            lifecycle.approve(session, self.id, by=self.bank.staff["admin"])
        with self.bank.unit("marketer") as session:
            lifecycle.activate(session, self.id, by=self.bank.staff["marketer"])

    def enter(self) -> None:
        with self.bank.unit() as session:
            flow = session.get_one(Flow, self.id)
            session.add(FlowRun(
                organisation_id=flow.organisation_id, flow_id=flow.id, version_id=flow.version_id, step="s2",
                contact_id=people.contacts(session, 1, start=500)[0], arrived_at=clock.now(), entered_at=clock.now(),
            ))  # fmt: skip


def system_of(bank: House) -> Any:
    from app.core.actor import system

    return system(bank.organisation_id)


@pytest.fixture
def flows(campaigns: Campaigning) -> Flows:
    return Flows(campaigns)


class Form(HTMLParser):
    """What a browser would send of the form of the panel."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self.inside, self.open, self.first = False, "", True
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = given.get("class") == "stack"
        if not self.inside:
            return
        if tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self.values[given["name"]] = given.get("value", "")
        elif tag in ("select", "textarea"):
            self.open, self.first = given["name"], True
            self.values.setdefault(self.open, "")
        elif tag == "option" and (self.first or "selected" in given):
            self.values[self.open], self.first = given.get("value", ""), False


def saved(browser: Browser, url: str, values: dict[str, Any], *, kind: str = "") -> Any:
    """Fill in the panel's form and send it."""
    other = url.replace("/steps/trigger", "/trigger")
    shown = browser.post(other, {"type": kind}, htmx=True) if kind else browser.get(url, htmx=True)
    assert shown.status_code == 200
    return browser.post(url, Form(shown.get_data(as_text=True)).values | values, htmx=True)


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


WAIT = {"hours": 0, "minutes": 0, "business_days": False}
