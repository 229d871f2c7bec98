"""Health: /healthz says the process lives, /readyz that it can work (L2)."""

from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core import queue
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
        version = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except SQLAlchemyError as broke:
        db.session.rollback()
        return type(broke).__name__
    return "ok" if version == _newest() else f"schema {version}, needs {_newest()}: run flask migrate"


@cache
def _newest() -> str | None:
    """The revision this program was written for."""
    return ScriptDirectory(str(Path(__file__).parents[2] / "migrations")).get_current_head()


def _workers() -> dict[str, str]:
    try:
        listening = queue.listening(current_app.config["SETTINGS"].redis_url)
    except RedisError as broke:
        return {"valkey": type(broke).__name__, "workers": "unknown"}
    missing = sorted({*queue.QUEUES, "sweeper"} - listening)
    return {"valkey": "ok", "workers": f"missing: {', '.join(missing)}" if missing else "ok"}
