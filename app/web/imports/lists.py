"""The list of imports."""

from flask import g
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.access import users
from app.domain.transfer import imports
from app.http.auth import allow
from app.web import paging
from app.web.imports.blueprint import bp
from app.web.render import page_or_part

MOVING = ("queued", "running")


@bp.get("")
@allow("imports:read")
def index() -> ResponseReturnValue:
    """Imports, newest first; the list polls while one is running."""
    page = imports.listed(db.session(), paging.asked(), by=g.actor)
    return page_or_part(
        "imports/index.html",
        "imports/_imports.html",
        page=page,
        people=users.names(db.session(), [row.created_by for row in page.items if row.created_by]),
        is_moving=any(row.state in MOVING for row in page.items),
    )
