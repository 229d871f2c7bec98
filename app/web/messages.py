"""Messages: lists, one message with its evidence, settling a doubt."""

from uuid import UUID

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import Invalid, NotFound, mark
from app.domain.messages import failures as failed
from app.domain.messages import listing, masked_recipients, message_text, reconcile, retries, sends
from app.domain.messages.models import Message
from app.domain.messages.states import RANKS
from app.domain.messages.words import CHANNEL, REASON, STATE
from app.http import inputs, security
from app.http.auth import allow
from app.web import audit_labels, paging, reasons
from app.web.render import page_or_part, parts_or_redirect

bp = Blueprint("messages", __name__, url_prefix="/messages")
for name, label in reasons.LABELS.items():
    bp.add_app_template_global(label, name)


@bp.get("")
@allow("messages:read")
def index() -> ResponseReturnValue:
    """A list of messages: of a campaign, a state, a reason, a channel. Those of a contact are a tab of its page."""
    if contact_id := _id("contact"):
        return redirect(url_for("contacts.messages", contact_id=contact_id))
    session, wanted = db.session(), _wanted()
    page = listing.listed(session, wanted, paging.asked(), by=g.actor)
    return page_or_part(
        "messages/index.html",
        "messages/_messages.html",
        page=page,
        source=next(iter(sends.of_source(session, "campaign", wanted.source_id)), None) if wanted.source_id else None,
        stalled=listing.stalled(session, wanted.source_id, by=g.actor),
        states=[(state, _(STATE[state])) for state in RANKS],
        reasons=[(key, _(word)) for key, word in REASON.items()],
        channels=[(key, _(word)) for key, word in CHANNEL.items()],
        **drawn(list(page.items)),
    )


def _wanted() -> listing.Filter:
    return listing.Filter(
        source_id=_id("campaign") or _id("template"),
        state=request.args.get("state", ""),
        reason=request.args.get("reason", ""),
        channel=request.args.get("channel", ""),
    )


def _id(name: str) -> UUID | None:
    value = request.args.get(name)
    try:
        return UUID(value) if value else None
    except ValueError:
        raise Invalid.field(name, mark("This is not a valid id.")) from None


def drawn(messages: list[Message]) -> dict[str, object]:
    """What rows need beside the messages: masked people, the names of sources and accounts."""
    session = db.session()
    return {
        "recipients": masked_recipients.of(session, [message.contact_id for message in messages]),
        "nobody": masked_recipients.NOBODY,
        "sends": listing.sends_of(session, [message.send_id for message in messages], by=g.actor),
        "accounts": listing.account_names(session, by=g.actor),
    }


@bp.get("/failures")
@allow("messages:read")
def failures() -> ResponseReturnValue:
    """What failed for good and waits for somebody, and what is tried again by itself."""
    return render_template(
        "messages/failures.html",
        found=failed.listed(db.session(), by=g.actor),
        policy=failed.policy(),
        most=retries.MOST,
        hours=retries.HOURS,
    )


@bp.post("/failures")
@allow("messages:operate")
def handle_failures() -> ResponseReturnValue:
    """Somebody has seen to the failures of a send, of one category, up to the newest he was shown."""
    given = {name: request.form.get(name, "") for name in ("send", "category", "until")}
    failed.handle(db.session(), inputs.read(failed.Handling, given), by=g.actor)
    flash(_("Noted: it was seen to."), "success")
    return redirect(url_for(".failures"), 303)


@bp.get("/<uuid:message_id>")
@allow("messages:read")
def show(message_id: UUID) -> ResponseReturnValue:
    """One message and everything known of it, its text masked."""
    return _page(message_id, reveal=False)


@bp.post("/<uuid:message_id>/reveal")
@allow("contacts:reveal")
def reveal(message_id: UUID) -> ResponseReturnValue:
    """The text exactly as it was sent, for this one answer; the look is logged."""
    return _page(message_id, reveal=True)


def _page(message_id: UUID, *, reveal: bool) -> ResponseReturnValue:
    session = db.session()
    found = listing.evidence(session, message_id, by=g.actor)
    message, source = found.message, (found.send.source_kind, found.send.source_id)
    return render_template(
        "messages/show.html",
        found=found,
        message=message,
        source_label=_("Test of a template") if source[0] == "test" else audit_labels.kind(source[0]),
        source_page=audit_labels.page_of(*source),
        most=found.send.most_attempts,
        recipient=masked_recipients.of(session, [message.contact_id]).get(message.contact_id, masked_recipients.NOBODY),
        text=message_text.of(session, message, by=g.actor, reveal=reveal),
    )


@bp.get("/<uuid:message_id>/email")
@allow("messages:read")
def email(message_id: UUID) -> ResponseReturnValue:
    """The e-mail for a sandboxed frame, masked, under its own policy."""
    message = listing.evidence(db.session(), message_id, by=g.actor).message
    text = message_text.of(db.session(), message, by=g.actor)
    if text is None or not text.html:
        raise NotFound(mark("There is no such text."))
    return security.as_preview(Response(text.html))


@bp.post("/<uuid:message_id>/resolve")
@allow("messages:operate")
def resolve(message_id: UUID) -> ResponseReturnValue:
    """A person settles a doubt."""
    message = reconcile.resolve(db.session(), message_id, as_=request.form.get("as", ""), by=g.actor)
    flash(_("Noted: it was sent.") if message.state == "sent" else _("It is sent once more."), "success")
    return parts_or_redirect(
        url_for(".show", message_id=message_id), "messages/_row.html", message=message, **drawn([message])
    )
