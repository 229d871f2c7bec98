"""/users and /roles: who may do what. What decides or gives rights takes two people: 202 with the request."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.api.approvals import request_out
from app.core.db import db
from app.domain.access import users
from app.domain.access.models import User
from app.domain.access.permissions import roles as all_roles
from app.domain.approvals import rights
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given
from app.http.auth import allow
from app.http.compression import told_once
from app.http.inputs import Strict

bp = Blueprint("users_api", __name__)

_FIELDS = ("id", "email", "name", "role", "is_active", "totp_confirmed_at", "created_at")


class UserInput(Strict):
    """A new user."""

    email: str = Field(min_length=1, max_length=254)
    name: str = Field(min_length=1, max_length=120)
    role: str


class Change(Strict):
    """Another role, or in and out."""

    role: str | None = None
    is_active: bool | None = None


def serialize(user: User) -> dict[str, Any]:
    """A user as the API shows it."""
    return {name: getattr(user, name) for name in _FIELDS}


def _given(given: Given | Approval, status: int = 200) -> ResponseReturnValue:
    """The user with his first password, told once; or the request that waits for a second person."""
    if isinstance(given, Approval):
        return envelope.ok(request_out(given), 202)
    location = f"/api/v1/users/{given.user.id}" if status == 201 else None
    first = {"first_password": told_once(given.password)} if given.password else {}
    return envelope.ok(serialize(given.user) | first, status, location=location)


@bp.get("/users")
@allow("users:read")
def index() -> ResponseReturnValue:
    """All users, by name."""
    return envelope.all_of(users.everyone(db.session(), by=g.actor), serialize)


@bp.post("/users")
@envelope.once("users:write")
def create() -> ResponseReturnValue:
    """Make a user."""
    return _given(rights.new_user(db.session(), **envelope.body(UserInput).model_dump(), by=g.actor), 201)


@bp.get("/users/<uuid:user_id>")
@allow("users:read")
def show(user_id: UUID) -> ResponseReturnValue:
    """One user."""
    return envelope.ok(serialize(users.read(db.session(), user_id, by=g.actor)))


@bp.patch("/users/<uuid:user_id>")
@allow("users:write")
def change(user_id: UUID) -> ResponseReturnValue:
    """Give another role, shut out or let in: one of them at a time."""
    session, wanted = db.session(), envelope.body(Change)
    if wanted.role is not None:
        return _given(rights.set_role(session, user_id, wanted.role, by=g.actor))
    if wanted.is_active:
        return _given(rights.let_in(session, user_id, by=g.actor))
    if wanted.is_active is False:
        return envelope.ok(serialize(users.set_active(session, user_id, False, by=g.actor)))
    return show(user_id)


@bp.post("/users/<uuid:user_id>/reset")
@envelope.once("users:write")
def reset(user_id: UUID) -> ResponseReturnValue:
    """Let somebody begin anew who lost password or authenticator."""
    return _given(rights.reset(db.session(), user_id, by=g.actor))


@bp.get("/roles")
@allow("users:read")
def roles() -> ResponseReturnValue:
    """Which role holds which permissions."""
    return envelope.all_of(all_roles().items(), lambda one: {"name": one[0], "permissions": sorted(one[1])})
