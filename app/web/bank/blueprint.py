"""Where the pages of Qualification hang, and what they share."""

from flask import Blueprint

from app.core.errors import DomainError
from app.http import errors

bp = Blueprint("bank", __name__, url_prefix="/bank")


def sentence(error: DomainError) -> str:
    """An error as a person reads it: its first detail, where it has any."""
    return errors.said(error.details[0] if error.details else error)
