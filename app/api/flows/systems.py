"""/flows/destinations: the systems that flows may tell something."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import current_app, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.flows.blueprint import bp
from app.core.db import db
from app.domain.flows import destinations, trying
from app.domain.flows.destinations import DestinationInput
from app.domain.flows.models import FlowDestination
from app.gateways.http import Http
from app.http.auth import allow
from app.http.compression import told_once
from app.http.errors import said
from app.http.rates import rated


@bp.get("/destinations")
@allow("flows:read")
@envelope.asks(paged=True)
def systems() -> ResponseReturnValue:
    """The systems that flows may tell something."""
    return envelope.listed(destinations.listed(db.session(), envelope.ask(), by=g.actor), _system)


def _system(one: FlowDestination) -> dict[str, Any]:
    names = ("id", "name", "url", "fields", "approval_id", "approved_at", "created_by", "created_at")
    return {name: getattr(one, name) for name in names}


@bp.post("/destinations")
@envelope.once("flows:write")
def register() -> ResponseReturnValue:
    """Ask for a system; the secret that signs its calls is told once."""
    made, secret = destinations.register(db.session(), envelope.body(DestinationInput), by=g.actor)
    out = {**_system(made), "secret": told_once(secret)}
    return envelope.ok(out, 201, location=f"/api/v1/flows/destinations/{made.id}")


@bp.get("/destinations/<uuid:destination_id>")
@allow("flows:read")
def system(destination_id: UUID) -> ResponseReturnValue:
    """One system."""
    return envelope.ok(_system(destinations.get(db.session(), destination_id, by=g.actor)))


@bp.post("/destinations/<uuid:destination_id>/test")
@envelope.once("flows:write")
@rated("test")
def test_system(destination_id: UUID) -> ResponseReturnValue:
    """Call a system with an example that says `"test": true`; what it answered, or why it did not."""
    open_http = partial(Http, allow_private=not current_app.config["SETTINGS"].is_production)
    found = trying.call(db.session(), destination_id, open_http, by=g.actor)
    names = ("is_taken", "status", "milliseconds", "answer", "sent")
    return envelope.ok(
        {**{name: getattr(found, name) for name in names}, "problem": found.problem and said(found.problem)}
    )


@bp.delete("/destinations/<uuid:destination_id>")
@allow("flows:write")
def archive_system(destination_id: UUID) -> ResponseReturnValue:
    """Archive a system that no flow uses."""
    destinations.archive(db.session(), destination_id, by=g.actor)
    return envelope.nothing()
