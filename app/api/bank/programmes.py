"""/bank/programmes."""

from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.domain.bank import programmes
from app.domain.bank.models import Programme
from app.domain.bank.programmes import ProgrammeInput
from app.http.auth import allow


def serialize(programme: Programme) -> dict[str, Any]:
    """A programme with what it asks for now."""
    asked = programmes.as_input(db.session(), programme, by=g.actor).model_dump()
    return {"id": programme.id, "version": programme.number, "created_at": programme.created_at, **asked}


@bp.get("/programmes")
@allow("bank:read")
def programme_list() -> ResponseReturnValue:
    """All programmes, the oldest first."""
    return envelope.all_of(programmes.listed(db.session(), by=g.actor), serialize)


@bp.post("/programmes")
@envelope.once("bank:write")
def create() -> ResponseReturnValue:
    """Ask a second person for a programme."""
    request = programmes.propose(db.session(), envelope.body(ProgrammeInput), by=g.actor)
    return envelope.ok(
        {"approval_id": request.id, "id": request.subject_id}, 202, location=f"/api/v1/approvals/{request.id}"
    )


@bp.get("/programmes/<uuid:programme_id>")
@allow("bank:read")
def show(programme_id: UUID) -> ResponseReturnValue:
    """One programme."""
    return envelope.ok(serialize(programmes.get(db.session(), programme_id, by=g.actor)))


@bp.patch("/programmes/<uuid:programme_id>")
@envelope.once("bank:write")
def change(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person for another version; what the body leaves out stays."""
    session = db.session()
    now = programmes.as_input(session, programmes.get(session, programme_id, by=g.actor), by=g.actor).model_dump(
        mode="json"
    )
    request = programmes.propose(session, envelope.patched(ProgrammeInput, now), programme_id, by=g.actor)
    return envelope.ok({"approval_id": request.id, "id": programme_id}, 202, location=f"/api/v1/approvals/{request.id}")
