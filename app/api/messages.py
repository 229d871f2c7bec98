"""/messages: lists, one message with its evidence, settling a doubt."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.domain.messages import failures as failed
from app.domain.messages import listing, message_text, reconcile
from app.domain.messages.models import Attempt, Message, Receipt
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("messages_api", __name__, url_prefix="/messages")

_FIELDS = (
    "id", "send_id", "contact_id", "channel", "state", "reason", "parts", "cost", "attempts", "provider_reference",
    "created_at", "due_at", "sent_at", "final_at", "opened_at", "clicked_at", "retries", "duplicate_delivered",
)  # fmt: skip


class Resolution(Strict):
    """How a doubt is settled: "sent" or "again"."""

    as_: str = Field(alias="as")


def message_out(message: Message) -> dict[str, Any]:
    """A message as the API shows it; it holds no address."""
    return {name: getattr(message, name) for name in _FIELDS}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = (
        "number",
        "provider_account_id",
        "started_at",
        "finished_at",
        "outcome",
        "category",
        "error",
        "provider_reference",
    )
    return {name: getattr(attempt, name) for name in names}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        name: getattr(receipt, name)
        for name in ("kind", "category", "code", "occurred_at", "received_at", "applied_at")
    }


def _text(message: Message) -> dict[str, Any] | None:
    text = message_text.of(db.session(), message, by=g.actor, reveal=g.actor.may("contacts:reveal"))
    if text is None:
        return None
    names = ("language", "to", "sender", "subject", "body", "is_masked", "is_proved")
    return {name: getattr(text, name) for name in names}


@bp.get("")
@allow("messages:read")
@envelope.asks("campaign", "contact", "state", "reason", "channel", "since", paged=True)
def index() -> ResponseReturnValue:
    """List messages; filters `campaign`, `contact`, `state`, `reason`, `channel`, `since`."""
    wanted = listing.Filter(
        source_id=envelope.query_uuid("campaign"),
        contact_id=envelope.query_uuid("contact"),
        state=request.args.get("state", ""),
        reason=request.args.get("reason", ""),
        channel=request.args.get("channel", ""),
        since=envelope.moment("since"),
    )
    return envelope.listed(listing.listed(db.session(), wanted, envelope.ask(), by=g.actor), message_out)


@bp.get("/failures")
@allow("messages:read")
def failures() -> ResponseReturnValue:
    """What failed for good in the last two weeks and waits for somebody, by send and category, the latest first."""
    return envelope.all_of(failed.listed(db.session(), by=g.actor), _failure)


def _failure(one: failed.Failure) -> dict[str, Any]:
    send = one.send
    return {
        "send_id": send.id, "source_kind": send.source_kind, "source_id": send.source_id, "source_name": send.source_name,
        "category": one.category, "messages": one.number, "last_at": one.last_at,
    }  # fmt: skip


@bp.post("/failures/handled")
@envelope.once("messages:operate")
def handle_failures() -> ResponseReturnValue:
    """Note that somebody has seen to the failures of a send, of one category, up to a moment; what fails later comes back."""
    failed.handle(db.session(), envelope.body(failed.Handling), by=g.actor)
    return failures()


@bp.get("/<uuid:message_id>")
@allow("messages:read")
def show(message_id: UUID) -> ResponseReturnValue:
    """One message with attempts, receipts and what it said: in clear for those who may see people (logged), else masked."""
    found = listing.evidence(db.session(), message_id, by=g.actor)
    out = message_out(found.message)
    out["attempts_made"] = [_attempt(a) for a in found.attempts]
    out["receipts"] = [_receipt(r) for r in found.receipts]
    out["caps"] = [
        {"channel": one.cap.channel or None, "most": one.cap.most, "days": one.cap.days, "messages": one.number,
         "newest": [other.id for other in one.messages]}
        for one in found.caps
    ]  # fmt: skip
    waits = found.waits
    out["waits"] = {"timezone": waits.zone, "local_time": waits.now, "until": waits.until} if waits else None
    out["text"] = _text(found.message)
    out["traces"] = [{"kind": t.kind, "at": t.at, "who": t.who, "link": t.link} for t in found.traces]
    return envelope.ok(out)


@bp.post("/<uuid:message_id>/resolve")
@envelope.once("messages:operate")
def resolve(message_id: UUID) -> ResponseReturnValue:
    """Settle a message in doubt."""
    asked = envelope.body(Resolution)
    return envelope.ok(message_out(reconcile.resolve(db.session(), message_id, as_=asked.as_, by=g.actor)))
