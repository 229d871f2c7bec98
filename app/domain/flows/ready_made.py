"""Flows to begin with, so that nobody starts at an empty page; where a text of the gallery fits, it is in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import i18n
from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.domain.content import gallery, library
from app.domain.content.models import Template
from app.domain.flows import drafts
from app.domain.flows.definition import Flowchart, parse
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow


@dataclass(frozen=True)
class ReadyMade:
    """One of them: `texts` are starts of the gallery by the id of the step that sends them; words in it are message ids."""

    key: str
    name: str
    description: str
    trigger: Mapping[str, Any]
    lane: tuple[Mapping[str, Any], ...]
    texts: Mapping[str, str] = field(default_factory=dict)

    def definition(self, language: str) -> dict[str, Any]:
        """The flow in a language."""
        return {"trigger": dict(self.trigger), "lane": _said(list(self.lane), language)}

    def chart(self, language: str) -> Flowchart:
        """The flow, to be drawn."""
        return parse(self.definition(language))


def create(
    session: Session, key: str, *, name: str, description: str | None = None, language: str = "en", by: Actor
) -> Flow:
    """A draft of a ready-made flow; texts of the gallery that are not there yet are made. Raises as drafts.create."""
    require(by, "flows:write")
    one = FLOWS.get(key)
    if one is None:
        raise NotFound(mark("There is no such flow."))
    flow = drafts.create(
        session, FlowInput(name=name, description=description, definition=one.definition(language)), by=by
    )
    if not by.may("templates:write"):
        return flow
    raw = flow.definition
    for step, start in one.texts.items():
        raw = _with_text(raw, step, str(_text(session, start, by).id))
    return drafts.update(session, flow.id, FlowInput(name=name, description=description, definition=raw), by=by)


def _text(session: Session, start: str, by: Actor) -> Template:
    new = gallery.STARTS[start]
    there = select(Template).where(
        Template.name == new.name, Template.channel == new.channel, Template.archived_at.is_(None)
    )
    found = session.execute(there.order_by(Template.id).limit(1)).scalar_one_or_none()
    return found or library.create(session, new, by=by)


def _with_text(node: Any, step: str, template_id: str) -> Any:
    if isinstance(node, list):
        return [_with_text(one, step, template_id) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("id") == step:
        return node | {"config": {"template_id": template_id}}
    return {name: _with_text(one, step, template_id) for name, one in node.items()}


def _said(node: Any, language: str) -> Any:
    """The words in it in a language."""
    if isinstance(node, list):
        return [_said(one, language) for one in node]
    if not isinstance(node, dict):
        return node
    words = {name: i18n.say(node[name], None, language) for name in ("reason", "text", "question") if name in node}
    return {name: _said(one, language) for name, one in node.items()} | words


def _step(step_id: str, kind: str, branches: Mapping[str, list[Any]] | None = None, **config: Any) -> dict[str, Any]:
    lanes = [{"key": key, "lane": lane} for key, lane in (branches or {}).items()]
    return {"id": step_id, "type": kind, "config": config} | ({"branches": lanes} if lanes else {})


FLOWS: Mapping[str, ReadyMade] = {
    one.key: one
    for one in (
        ReadyMade(
            "welcome",
            mark("Welcome"),
            mark("Greets new customers by e-mail, and by SMS those who did not open it."),
            {"type": "segment_enter"},
            (
                _step("s1", "send_email"),
                _step(
                    "s2", "wait_for",
                    {"happened": [_step("s3", "tag", add=["welcomed"])], "timeout": [_step("s4", "send_sms")]},
                    did="opened", step="s1", timeout={"days": 3},
                ),
                _step("s5", "exit"),
            ),
        ),
        ReadyMade(
            "birthday",
            mark("Birthday"),
            mark("A greeting on the morning of the birthday, every year."),
            {"type": "date", "config": {"field": "properties.birth_date", "yearly": True, "reentry": 300}},
            (_step("s1", "send_sms"), _step("s2", "exit")),
        ),
        ReadyMade(
            "deposit",
            mark("A deposit matures"),
            mark("Two weeks before: an offer. An officer calls whoever looks at it; the others get an SMS."),
            {"type": "date", "config": {"field": "properties.deposit_ends", "offset_days": -14, "reentry": 30}},
            (
                _step("s1", "send_email"),
                _step(
                    "s2", "wait_for",
                    {
                        "happened": [
                            _step("s3", "notify", role="bank_officer", text=mark("A customer looked at the deposit offer.")),
                        ],
                        "timeout": [_step("s4", "send_sms")],
                    },
                    did="clicked", step="s1", timeout={"days": 5, "business_days": True},
                ),
                _step("s5", "exit"),
            ),
            {"s1": "email-offer", "s4": "sms-offer"},
        ),
        ReadyMade(
            "application",
            mark("An application that was begun and not sent"),
            mark("Reminds whoever began an application and did not send it within a day."),
            {"type": "event", "config": {
                "event": "application_begun", "key": "product", "reentry": "always", "unverified": True,  # told by the site
            }},
            (
                _step(
                    "s1", "wait_for",
                    {"happened": [_step("s2", "exit", reason=mark("Sent without a reminder"))], "timeout": []},
                    event="application_sent", timeout={"days": 1},
                ),
                _step("s3", "send_sms"),
                _step("s4", "wait", days=3, business_days=True),
                _step("s5", "send_email"),
                _step("s6", "wait", days=7),
                _step("s7", "goal", event="application_sent", window_days=14),
            ),
        ),
        ReadyMade(
            "win_back",
            mark("Win back"),
            mark("Tries e-mail and SMS, half each, on customers who have not been seen for long."),
            {"type": "segment_enter", "config": {"reentry": 180}},
            (
                {"id": "s1", "type": "ab_split", "branches": [
                    {"key": "a", "percent": 50, "lane": [_step("s2", "send_email")]},
                    {"key": "b", "percent": 50, "lane": [_step("s3", "send_sms")]},
                ]},
                _step("s4", "wait", days=14),
                _step("s5", "goal", event="login", window_days=30),
                _step("s6", "exit"),
            ),
            {"s2": "email-offer", "s3": "sms-offer"},
        ),
        ReadyMade(
            "month",
            mark("Thanks for the month"),
            mark("Thanks those who qualified in the month that was approved."),
            {"type": "month_qualified", "config": {"outcome": "qualified", "reentry": "always"}},
            (
                _step("s1", "wait_until", at="10:00", weekdays=[6, 0, 1, 2, 3]),
                _step("s2", "send_sms"),
                _step("s3", "exit"),
            ),
        ),
    )
}  # fmt: skip
