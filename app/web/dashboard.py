"""The first page: what needs me now, what is running, where to begin (H1, its simple form)."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.reports import dashboard as numbers
from app.http.auth import allow
from app.web.render import page_or_part

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@allow("")
def index() -> ResponseReturnValue:
    """The dashboard; its board polls."""
    board = numbers.board(db.session(), by=g.actor)
    return page_or_part("dashboard/index.html", "dashboard/_board.html", board=board)
