"""The mark of a device on which somebody has signed in wholly: it stays open when strangers have locked the account."""

import secrets
from uuid import UUID

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.domain.access.login import Origin, device
from app.domain.access.models import User

LIFE = 180 * 24 * 3600
MOST = 5  # people of one device


def _name() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known device")


def _marks() -> dict[UUID, str]:
    try:
        kept = _signer().loads(request.cookies.get(_name(), ""), max_age=LIFE)
        return {UUID(user): str(mark) for user, mark in kept.items()}
    except (BadSignature, ValueError, AttributeError):
        return {}


def origin() -> Origin:
    """Where this request comes from."""
    return Origin(request.remote_addr, _marks())


def remember(response: Response, user: User) -> Response:
    """Mark the device as one of this user's."""
    marks = _marks()
    name = marks.pop(user.id, "").partition(".")[0] or secrets.token_hex(8)
    kept = {str(one): mark for one, mark in list(marks.items())[-(MOST - 1) :]} | {str(user.id): device(user, name)}
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    value = _signer().dumps(kept)
    response.set_cookie(_name(), value, max_age=LIFE, httponly=True, secure=secure, samesite="Strict", path="/")
    return response
