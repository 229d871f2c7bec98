"""Where providers tell what became of messages: verified by their signature, no key."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue

from app.api.envelope import nothing
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.messages import receipts, replies
from app.domain.providers import accounts
from app.gateways.channels.base import BadReceipt
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from app.http.auth import Unauthenticated, public
from app.http.rates import rated

bp = Blueprint("inbound_api", __name__, url_prefix="/inbound")


@bp.post("/<provider>/<uuid:account_id>/receipts")
@public
@rated("inbound")
def take(provider: str, account_id: UUID) -> ResponseReturnValue:
    """Keep a provider's receipts and say so; they are applied afterwards."""
    return _taken(provider, account_id, receipts.receive)


@bp.post("/<provider>/<uuid:account_id>/messages")
@public
@rated("inbound")
def hear(provider: str, account_id: UUID) -> ResponseReturnValue:
    """Obey what people answered."""
    return _taken(provider, account_id, replies.receive)


def _taken(provider: str, account_id: UUID, receive: Callable[..., int | None]) -> ResponseReturnValue:
    accounts.called(db.session(), provider, account_id, correlation_id=g.correlation_id)
    opened = partial(
        open_channel, guard=Guard.everybody(), allow_private=not current_app.config["SETTINGS"].is_production
    )
    try:
        kept = receive(db.session(), account_id, dict(request.headers), request.get_data(), open_channel=opened)
    except BadReceipt:
        raise Invalid(mark("The body cannot be read as receipts.")) from None
    if kept is None:
        raise Unauthenticated(mark("The signature is not right, or too old."))
    return nothing()
