"""Health: /healthz says the process lives, /readyz that it can work."""

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.core import doctor
from app.core.db import db
from app.http.auth import public

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """The process lives; nothing else is asked."""
    return jsonify(status="ok")


@bp.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """Database, Valkey and workers by name. Without Valkey or a worker it is ready but degraded: the work is in rows."""
    parts = {"database": _database(), **_workers()}
    ready = parts["database"] == "ok"
    status = "ok" if all(value == "ok" for value in parts.values()) else ("degraded" if ready else "unavailable")
    return jsonify(status=status, **parts), 200 if ready else 503


def _database() -> str:
    try:
        return doctor.schema(db.session.connection()) or "ok"
    except SQLAlchemyError as broke:
        db.session.rollback()
        return type(broke).__name__


def _workers() -> dict[str, str]:
    try:
        return {"valkey": "ok", "workers": doctor.workers(current_app.config["SETTINGS"].redis_url) or "ok"}
    except RedisError as broke:
        return {"valkey": type(broke).__name__, "workers": "unknown"}
