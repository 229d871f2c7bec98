"""Where the pages of Qualification hang, and what they share."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.core.errors import Conflict, DomainError
from app.http import errors

bp = Blueprint("bank", __name__, url_prefix="/bank")


def sentence(error: DomainError) -> str:
    """An error as a person reads it: its first detail, where it has any."""
    return errors.said(error.details[0] if error.details else error)


def stays(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Let a verb of a run that is not possible now be told on the page of the run; htmx has its toast."""

    @wraps(view)
    def inner(run_id: UUID, **others: UUID) -> ResponseReturnValue:
        try:
            return view(run_id, **others)
        except Conflict as error:
            if request.headers.get("HX-Request"):
                raise
            db.session.rollback()
            flash(sentence(error), "danger")
            return redirect(url_for("bank.show", run_id=run_id), 303)

    return inner
