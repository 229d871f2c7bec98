"""/providers: accounts with providers. Changes are decided by a second person: 202 with the request."""

from typing import Any
from uuid import UUID

from flask import Blueprint, current_app, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.approvals import request_out
from app.core.db import db
from app.domain.access.keyring import organisation_of
from app.domain.providers import accounts, changes
from app.domain.providers.accounts import AccountInput
from app.domain.providers.models import ProviderAccount
from app.domain.reports import daily, period
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from app.http.auth import allow

bp = Blueprint("providers_api", __name__, url_prefix="/providers")

_INPUT = ("name", "kind", "channel", "config", "sender", "priority", "cost")
_CARRIED = ("handed_over", "delivered", "failed", "in_doubt")
_FIELDS = ("id", *_INPUT, "is_enabled", "created_at", "checked_at", "last_error")


def serialize(account: ProviderAccount) -> dict[str, Any]:
    """An account as the API shows it, without its secret."""
    return {name: getattr(account, name) for name in _FIELDS}


@bp.get("")
@allow("providers:read")
def index() -> ResponseReturnValue:
    """All accounts, in the order in which they are used."""
    return envelope.all_of(accounts.listed(db.session(), by=g.actor), serialize)


@bp.post("")
@envelope.once("providers:write")
def create() -> ResponseReturnValue:
    """Ask for a new account."""
    return envelope.ok(request_out(changes.propose_new(db.session(), envelope.body(AccountInput), by=g.actor)), 202)


@bp.get("/days")
@allow("providers:read")
@envelope.asks("on")
def days() -> ResponseReturnValue:
    """What each account carried on a day: today, or `on`. Test messages count as well."""
    session = db.session()
    day = period.one(organisation_of(session).timezone, envelope.word("on"))
    accounts = [
        {"id": one.id, "name": one.name, "channel": one.channel, **{name: getattr(totals, name) for name in _CARRIED}}
        for one, totals in daily.carried(session, day, by=g.actor)
    ]
    return envelope.ok({"on": day.first.isoformat(), "timezone": day.zone, "accounts": accounts})


@bp.get("/<uuid:account_id>")
@allow("providers:read")
def show(account_id: UUID) -> ResponseReturnValue:
    """One account."""
    return envelope.ok(serialize(accounts.read(db.session(), account_id, by=g.actor)))


@bp.patch("/<uuid:account_id>")
@allow("providers:write")
def change(account_id: UUID) -> ResponseReturnValue:
    """Ask for a change: 202, or 200 when nothing is different. An empty secret stays as it is."""
    account = accounts.read(db.session(), account_id, by=g.actor)
    present = {name: getattr(account, name) for name in _INPUT} | {"cost": str(account.cost)}
    proposed = changes.propose(db.session(), account_id, envelope.patched(AccountInput, present), by=g.actor)
    return envelope.ok(request_out(proposed), 202) if proposed else show(account_id)


@bp.post("/<uuid:account_id>/test")
@envelope.once("providers:write")
def test(account_id: UUID) -> ResponseReturnValue:
    """Reach the provider without sending anything; `error` says why it did not answer."""
    return envelope.ok({"error": accounts.probe(db.session(), account_id, _open, by=g.actor)})


@bp.put("/<uuid:account_id>/use")
@allow("providers:write")
def use(account_id: UUID) -> ResponseReturnValue:
    """Ask for it to be used."""
    return envelope.ok(request_out(changes.propose_use(db.session(), account_id, by=g.actor)), 202)


@bp.delete("/<uuid:account_id>/use")
@allow("providers:write")
def leave(account_id: UUID) -> ResponseReturnValue:
    """Use it no more, at once."""
    return envelope.ok(serialize(accounts.set_enabled(db.session(), account_id, False, by=g.actor)))


def _open(kind: str, config: Any, secret: str) -> Any:
    """The channel behind a guard that lets nobody through."""
    settings = current_app.config["SETTINGS"]
    return open_channel(kind, config, secret, guard=Guard.only(()), allow_private=not settings.is_production)
